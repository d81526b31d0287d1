"""Methods of a recipe that train, evaluate, predict and plot; each calls a function of `training`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes import evaluation, preview, training
from keras_resnet_recipes.recipes.habits import explained

if TYPE_CHECKING:
    import keras

    from keras_resnet_recipes.evaluation.predictions import Prediction


class Running:
    """Methods of `Recipe` that use data or a model."""

    @explained
    def fit(
        self,
        dataset: Any,
        *,
        model: "keras.Model | None" = None,
        validation_data: Any = None,
        teacher: "keras.Model | None" = None,
        run_dir: str | Path | None = None,
        distribution: str = "auto",
        steps_per_epoch: int | None = None,
        save_every_steps: int | None = None,
        accept_changed_data: bool = False,
        callbacks: "Sequence[keras.callbacks.Callback]" = (),
        verbose: str | int = "auto",
        seed: int = 0,
    ) -> "keras.callbacks.History":
        """Trains the recipe's network on a data set.

        Args:
            dataset: A folder with one subfolder per class, a TFDS name (with or without `tfds:`), a pair of
                arrays `(x, y)`, an .npz file with x_train, y_train, x_test and y_test, a `tf.data.Dataset`
                of (image or encoded bytes, integer label), or a `krr.data.ImageDataset`. Images are RGB or
                grayscale, 0..255. With `data_on_device`, arrays or an .npz file.
            model: Keras model, functional or Sequential, to train instead of the recipe's network. Its
                input are images in 0..255, its output logits.
            validation_data: Like `dataset`; evaluated after every epoch.
            teacher: Trained Keras model with the same classes, pixels in 0..255 as input and logits as output. It
                receives the same augmented and mixed images as the network; `label_weight`,
                `distillation_weight` and `distillation_temperature` define the loss. The teacher is not
                trained or saved and must be given again to resume.
                On several devices the logged `loss` is that of the labels only, without class weights.
            run_dir: Run folder for the recipe, the log, the environment and checkpoints. A second call with the
                same recipe resumes from the last checkpoint; a finished run is returned without training. One
                process at a time trains into it. On
                SIGTERM a checkpoint is saved and the process exits with status 143. With several hosts the
                folder must be shared; one host writes.
            distribution: `"auto"`, `"none"`, `"mirrored"` (TensorFlow) or `"data_parallel"` (JAX), see
                `krr.distribution.scope`. With several JAX hosts (docs/scale-out.md) each one calls `fit`.
            steps_per_epoch: Updates per epoch; by default floor(images / batch_size). Required for data of
                unknown length.
            save_every_steps: Updates between checkpoints within an epoch; requires `run_dir`.
            accept_changed_data: Whether a run may resume on other images than it began with. By default
                a changed number, name or content of an image is an error that says what changed.
            callbacks: Keras callbacks in addition to the recipe's own. Their `model` is a `krr.TrainingModel`
                around the network. In a run that resumes, `EarlyStopping`, `ModelCheckpoint` and `CSVLogger`
                continue, and a callback's method `resume(rows)` is called with the log of the finished epochs, see
                `krr.runs.RunCallbacks`. A callback that sets `model.stop_training` ends the run for good.
            verbose: 0 prints nothing, 1 a progress bar, 2 one line per epoch, of at most 100 columns; "auto" is 1 on
                a terminal or in a notebook, else 2. See `krr.runs.Progress`.
            seed: Seed of the initial weights, the shuffling and the augmentation. The image at index i of
                epoch e depends only on (seed, e, i). Afterwards the random states of Python, NumPy and Keras are
                what they were before.

        Returns:
            Keras' History of all epochs, with the trained model as `.model`. Logs: `loss`, `top1` and `top5`
            (in training, against the largest class of the mixed targets), the same with the prefix `val_`,
            `learning_rate`, `seconds` (evaluation included) and `images_per_second`. For images with several labels
            `val_mean_average_precision` and `val_f1` instead of the accuracies.

        Raises:
            ValueError: If an argument or the data is invalid.
            FloatingPointError: If the loss or a weight is not finite.
            OSError: If `run_dir` cannot be written; earlier checkpoints are kept.

        Example:
            >>> import numpy as np, keras_resnet_recipes as krr
            >>> x = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), "uint8")
            >>> recipe = krr.A3(network="ResNet20", epochs=1, warmup_epochs=0, batch_size=4, train_size=32)
            >>> history = recipe.fit((x, np.arange(8) % 2), verbose=0)
            `classes`: 2, the largest label of the arrays plus one.
            >>> history.epoch
            [0]
        """
        return training.fit(
            self,
            dataset,
            model=model,
            validation_data=validation_data,
            teacher=teacher,
            run_dir=run_dir,
            distribution=distribution,
            steps_per_epoch=steps_per_epoch,
            save_every_steps=save_every_steps,
            accept_changed_data=accept_changed_data,
            callbacks=callbacks,
            verbose=verbose,
            seed=seed,
        )

    def preview(
        self,
        dataset: Any,
        path: str | Path = "preview.png",
        *,
        rows: int | None = None,
        columns: int = 8,
        seed: int = 0,
    ) -> Path:
        """Plots the first training images after each augmentation step.

        The first row shows the decoded images with the crop box. Each further row shows the images after one
        step, annotated with the random parameters (operations and their arguments, lambda of the mixing, the
        resulting targets). The last row is the input of the network.

        Args:
            dataset: As for `fit`.
            path: PNG file to write.
            rows: Number of batches to show instead, one per row, fully augmented and without annotations.
            columns: Images per batch; must be even if the recipe mixes images.
            seed: As for `fit`.

        Returns:
            The path of the PNG file.

        Raises:
            ValueError: If the data is invalid.
            ImportError: If matplotlib is missing (the extra `plot`).

        Example:
            >>> import tempfile, numpy as np, keras_resnet_recipes as krr
            >>> x = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), "uint8")
            >>> recipe = krr.A3(train_size=32, rand_augment=None, classes=2)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     recipe.preview((x, np.arange(8) % 2), folder + "/steps.png", columns=4).name
            'steps.png'
        """
        preview.plots.check_matplotlib(path)
        options = {"columns": columns, "seed": seed}
        if rows is None:
            return preview.plots.save_snapshots(preview.snapshots(self, dataset, **options), path)
        return preview.plots.save_grid(preview.preview(self, dataset, rows=rows, **options), path)

    def plot_schedule(
        self, path: str | Path = "schedule.png", *, steps_per_epoch: int = 100
    ) -> Path:
        """Plots the learning rate of every epoch, or of every update if it changes per update.

        Args:
            path: PNG file to write.
            steps_per_epoch: Updates per epoch; slightly changes the curve of a schedule per update.

        Returns:
            The path of the PNG file.

        Raises:
            ValueError: If a value of the recipe is missing, or `steps_per_epoch` is below 1.
            ImportError: If matplotlib is missing (the extra `plot`).

        Example:
            >>> import tempfile, keras_resnet_recipes as krr
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     krr.A1().plot_schedule(folder + "/schedule.png").name
            'schedule.png'
        """
        preview.plots.check_matplotlib(path)
        epochs, rates = training.learning_rate.learning_rates(self, steps_per_epoch)
        return preview.plots.save_schedule(epochs, rates, path, title=repr(self))

    def evaluate(
        self,
        model: "keras.Model",
        dataset: Any,
        *,
        verbose: str | int = "auto",
    ) -> dict[str, float]:
        """Evaluates a model on a data set, with the recipe's image size, crop and views.

        Args:
            model: Keras model with pixels in 0..255 as input and logits or probabilities as output. A model
                with published weights is evaluated with their crop and resampling, unless the recipe's were
                changed.
            dataset: As for `fit`.
            verbose: As in `keras.Model.evaluate`.

        Returns:
            A dict with `top1` and `top5` in 0..1 (`top5` only with more than five classes), `images`, the
            number of images evaluated, and `loss` if the model returns logits and `test_views` is "one" or
            "mirrored". For images with several labels `mean_average_precision` and `f1` instead of the accuracies, see
            docs/labels.md.

        Raises:
            ValueError: If the data is invalid or its classes differ from the model's.

        Example:
            >>> import numpy as np, keras_resnet_recipes as krr
            >>> x = np.zeros((4, 32, 32, 3), "uint8")
            >>> model = krr.applications.ResNet20(classes=2, classifier_activation=None)
            >>> result = krr.A3(test_size=32).evaluate(model, (x, np.zeros(4, int)), verbose=0)
            >>> sorted(result)
            ['images', 'loss', 'top1']
        """
        return evaluation.accuracy.evaluate(self, model, dataset, verbose=verbose)

    def predict(
        self,
        model: "keras.Model",
        paths: "Sequence[str | Path]",
        *,
        top: int | None = None,
        class_names: Sequence[str] | None = None,
        batch_size: int = 32,
        exif_rotate: bool = False,
        explain: bool = False,
    ) -> "Iterator[Prediction]":
        """Classifies image files, preprocessed as in `evaluate`, with one view per image.

        Args:
            model: As for `evaluate`, such as `History.model` or `krr.load_run("runs/flowers")`.
            paths: Image files, or folders whose image files are all classified.
            top: Number of classes per image; by default 5, or all after training on images with several labels.
            class_names: Names of the classes, if the model does not have them.
            batch_size: Images per batch.
            exif_rotate: Whether to turn images as their EXIF orientation says; training and `evaluate` ignore it.
            explain: Whether to draw class activation maps; the model must end in global average pooling and a dense
                layer.

        Returns:
            An iterator of `krr.evaluation.Prediction`, one per file: the path, and for each of the most probable
            classes its index, name and probability (a sigmoid after training with binary cross-entropy). After
            training on images with several labels, `present` has those with a probability above 0.5. A
            file that cannot be read has an error instead. With `explain`, its `explanation` is the image with the
            class activation map of the most probable class.

        Raises:
            ValueError: If an argument is invalid, a path does not exist, or no image is found.

        Example:
            >>> import tempfile, keras_resnet_recipes as krr
            >>> from PIL import Image
            >>> model = krr.applications.ResNet20(classes=2, classifier_activation=None)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     Image.new("RGB", (30, 40)).save(folder + "/black.png")
            ...     names = {"class_names": ["cat", "dog"]}
            ...     (prediction,) = krr.A3(test_size=32).predict(model, [folder], **names)
            >>> sorted(name for _, name, _ in prediction.labels)
            ['cat', 'dog']
        """
        return evaluation.accuracy.predict(
            self,
            model,
            paths,
            top=top,
            class_names=class_names,
            batch_size=batch_size,
            exif_rotate=exif_rotate,
            explain=explain,
        )
