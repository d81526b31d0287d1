"""What a recipe does: train, evaluate, predict and show; everything here hands itself to `training`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_resnet_recipes import evaluation, preview, training

if TYPE_CHECKING:
    import keras

    from keras_resnet_recipes.evaluation.predictions import Prediction


class Running:
    """The methods of `Recipe` that need data, or the package's other half."""

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
        callbacks: "Sequence[keras.callbacks.Callback]" = (),
        verbose: str | int = "auto",
        seed: int = 0,
    ) -> "keras.callbacks.History":
        """Trains the recipe's network on a data set.

        Args:
            dataset: An existing folder with one subfolder a class, a TFDS name (`"tfds:NAME"` or
                bare), a pair of arrays `(x, y)`, an .npz file of x_train, y_train, x_test and y_test,
                a `tf.data.Dataset` of (image or encoded bytes, integer label), or a
                `krr.data.ImageDataset`. Images are RGB or grey, 0..255. With
                `data_on_device` arrays or an .npz file.
            model: A Keras model, functional or Sequential, to train instead of the recipe's network:
                pictures of 0..255 as input, logits as output.
            validation_data: Like `dataset`; evaluated after every epoch.
            teacher: A trained Keras model of the same classes, raw 0..255 pixels in and logits out, that
                looks at the same augmented and mixed pictures: `label_weight`, `distillation_weight`
                and `distillation_temperature` say what is learned from it. It stays as it is, is saved
                nowhere, and must be given again to resume. On several
                devices the logged `loss` is that of the labels alone.
            run_dir: Folder for the recipe, log, versions and weights. A second call with the same
                recipe resumes where the last save was; a finished run is returned untrained.
                SIGTERM saves and exits with the status 143. Several hosts must share it; one writes.
            distribution: `"auto"`, `"none"`, `"mirrored"` (TensorFlow) or `"data_parallel"` (JAX), see
                `krr.distribution.scope`. On several JAX hosts (docs/scale-out.md) every one calls `fit`.
            steps_per_epoch: Updates of an epoch, floor(images / batch_size) unless given; unknown lengths need it.
            save_every_steps: Updates after which to save within an epoch, too, into `run_dir`.
            callbacks: Keras callbacks beside the recipe's own.
            verbose: As in `keras.Model.fit`.
            seed: Seed of the weights, the order and the augmentation. The picture at position i
                of epoch e depends on (seed, e, i) alone.

        Returns:
            Keras' History of all epochs, with the trained model as `.model`. Logs: `loss`,
            `top1`, `top5` (training: against the mixed targets' largest class), the same with
            `val_` before, `learning_rate`, `seconds` (evaluation included) and `images_per_second`.

        Raises:
            ValueError: If an argument or the data cannot be used; the message names it.
            FloatingPointError: If the loss or a weight is not finite.
            OSError: If `run_dir` cannot be written to; what was saved before stays.

        >>> import numpy as np, keras_resnet_recipes as krr
        >>> x = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), "uint8")
        >>> recipe = krr.A3(network="ResNet20", epochs=1, warmup_epochs=0, batch_size=4, train_size=32)
        >>> history = recipe.fit((x, np.arange(8) % 2), verbose=0)
        `classes`: 2, the largest label of the arrays plus one.
        `precision`: float32, for the CPU.
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
        """Draws what the network will see, and how it came about.

        A row for each ingredient: the first pictures of the training as decoded, with the part that the crop
        takes, and after each step, with what was drawn for each (operations and their arguments, lambda
        of the mixing, the targets that result). The last row is what the network is given.

        Args:
            dataset: As for `fit`.
            path: The PNG to write.
            rows: So many batches instead, finished, without words, each a row and mixed in its own way.
            columns: Pictures of a batch; even if the recipe mixes.
            seed: As for `fit`; another one draws anew.

        Returns:
            The PNG.

        Raises:
            ValueError: If the data cannot be used.
            ImportError: If matplotlib is missing (the extra `plot`).

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
            return preview.plots.save_stages(preview.stages(self, dataset, **options), path)
        return preview.plots.save_grid(preview.preview(self, dataset, rows=rows, **options), path)

    def plot_schedule(
        self, path: str | Path = "schedule.png", *, steps_per_epoch: int = 100
    ) -> Path:
        """Draws the learning rate of every epoch, or of every update where it changes with those.

        Args:
            path: The PNG to write.
            steps_per_epoch: Updates of an epoch; the curve of a rate per update depends on it a little.

        Returns:
            The PNG.

        Raises:
            ValueError: If the recipe lacks a value, or `steps_per_epoch` is below 1.
            ImportError: If matplotlib is missing (the extra `plot`).

        >>> import tempfile, keras_resnet_recipes as krr
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     krr.A1().plot_schedule(folder + "/schedule.png").name
        'schedule.png'
        """
        preview.plots.check_matplotlib(path)
        places, rates = training.learning_rate.learning_rates(self, steps_per_epoch)
        return preview.plots.save_schedule(places, rates, path, title=repr(self))

    def evaluate(
        self,
        model: "keras.Model",
        dataset: Any,
        *,
        verbose: str | int = "auto",
    ) -> dict[str, float]:
        """Accuracy of a model on a data set, with the recipe's evaluation size, crop and views.

        Args:
            model: A Keras model with raw 0..255 pixels in; logits or probabilities out. With published
                weights it is tested with their crop and resampling, unless the recipe's were changed.
            dataset: As for `fit`.
            verbose: As in `keras.Model.evaluate`.

        Returns:
            `top1`, `top5` (only with more than five classes) and `images`, the number counted;
            `loss` too where the model gives logits and `test_views` is "one" or "mirrored". Shares are 0..1.

        Raises:
            ValueError: If the data cannot be used or has other classes than the model.

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
        top: int = 5,
        class_names: Sequence[str] | None = None,
        batch_size: int = 32,
    ) -> "Iterator[Prediction]":
        """Classifies picture files, prepared as `evaluate` does, one view of each.

        Args:
            model: As for `evaluate`: `History.model`, or `krr.load_run("runs/flowers")`.
            paths: Picture files, and folders, of which all are taken.
            top: How many classes of each picture.
            class_names: Names of the classes, if the model does not have them.
            batch_size: Pictures computed together.

        Returns:
            A `krr.evaluation.Prediction` for each file, made as they are asked for: its path, and of the most
            probable classes index, name and probability, sigmoids after binary cross-entropy. A file that
            cannot be read has an error instead.

        Raises:
            ValueError: If an argument is not as above, a path does not exist or there is no picture.

        >>> import tempfile, keras_resnet_recipes as krr
        >>> from PIL import Image
        >>> model = krr.applications.ResNet20(classes=2, classifier_activation=None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Image.new("RGB", (30, 40)).save(folder + "/black.png")
        ...     names = {"class_names": ["cat", "dog"]}
        ...     (seen,) = krr.A3(test_size=32).predict(model, [folder], **names)
        >>> sorted(name for _, name, _ in seen.labels)
        ['cat', 'dog']
        """
        return evaluation.accuracy.predict(
            self, model, paths, top=top, class_names=class_names, batch_size=batch_size
        )
