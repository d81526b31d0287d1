"""`fit`: builds the parts of a recipe and calls `keras.Model.fit`."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_resnet_recipes import distribution as devices
from keras_resnet_recipes.applications import whitening
from keras_resnet_recipes.averages import MovingAverage
from keras_resnet_recipes.callbacks import RunFolder
from keras_resnet_recipes.checkpoints import Place
from keras_resnet_recipes.recipe import BaseRecipe, check_complete
from keras_resnet_recipes.schedules import Plateau
from keras_resnet_recipes.training import determinism, parts, pretrained, rates, run, teaching
from keras_resnet_recipes.training.own_model import check_trainable
from keras_resnet_recipes.training.plateau import PlateauCallback
from keras_resnet_recipes.watchdog import NonFinite, skipping_non_finite

if TYPE_CHECKING:
    from keras_resnet_recipes.training import resident, streamed


def fit(
    recipe: BaseRecipe,
    dataset: Any,
    *,
    model: keras.Model | None = None,
    validation_data: Any = None,
    teacher: keras.Model | None = None,
    run_dir: str | Path | None = None,
    distribution: str = "auto",
    steps_per_epoch: int | None = None,
    save_every_steps: int | None = None,
    on_nan: str = "stop",
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: str | int = "auto",
    seed: int = 0,
) -> keras.callbacks.History:
    """Trains as `Recipe.fit` says."""
    _check_options(recipe, model, teacher, on_nan, save_every_steps, run_dir)
    run.check_arguments(run_dir, callbacks, seed)
    data, validation = _read(recipe, dataset, validation_data)
    with devices.scope(distribution) as replicas:
        recipe = recipe.replace(classes=parts.resolved_classes(recipe, data))
        teaching.check(recipe, teacher)
        if model is not None:
            check_trainable(recipe, model, validated=validation is not None)
        steps = parts.steps_of(recipe, data, steps_per_epoch)
        skips, parts_of_batch = on_nan == "skip", recipe.gradient_accumulation_steps
        feed = parts.source(recipe).Feed(
            recipe,
            data,
            validation,
            steps=steps,
            seed=seed,
            replicas=replicas,
            # Whoever counts what is left out must see every batch.
            batches_per_call=1 if skips else save_every_steps and save_every_steps * parts_of_batch,
        )
        determinism.set_random_seed(seed)
        # Not the model's name, which Keras counts up: the same script would be another run next time.
        known = run.facts(data, validation, steps, seed, own_model=model is not None)
        known |= teaching.facts(teacher)
        model, average = _compiled_model(recipe, model, replicas, steps, feed, run_dir)
        model.class_names = data.class_names
        learner = teaching.taught(recipe, model, teacher, replicas)
        guard = NonFinite(skips=skips, batches_per_update=parts_of_batch)
        folder, place = _opened(
            run_dir, recipe, learner, average, known, save_every_steps, guard, feed
        )
        options = {
            "callbacks": _callbacks(recipe, steps, average, feed, callbacks, folder, guard),
            "verbose": verbose if devices.is_writer() else 0,
        }
        with (
            determinism.deterministic(),
            run.stopping_on_sigterm(folder),
            skipping_non_finite(learner) if skips else contextlib.nullcontext(),
        ):
            history = _trained(recipe, learner, feed, steps, place, options)
        return _finished(history, model, folder, average)


def _read(recipe: BaseRecipe, dataset: Any, validation_data: Any) -> tuple[Any, Any]:
    """Both data sets; the classes of the second are numbered as those of the first."""
    read = parts.source(recipe).read
    data = read(dataset)
    if validation_data is None:
        return data, None
    return data, read(validation_data, split="validation", like=data)


def _compiled_model(
    recipe: BaseRecipe,
    model: keras.Model | None,
    replicas: int,
    steps: int,
    feed: "resident.Feed | streamed.Feed",
    run_dir: str | Path | None,
) -> tuple[keras.Model, MovingAverage | None]:
    """The model, ready to be trained, and the average of its weights where the recipe has one."""
    parts.check_share(recipe, replicas)
    precision = parts.resolved_precision(recipe)
    if recipe.precision == "auto":
        print(f"`precision`: {precision}, for {', '.join(devices.accelerators()) or 'the CPU'}.")
    elif precision != "float32" and not devices.accelerators():
        print(f"`precision`: {precision} is slower than float32 here, on a CPU; 'auto' is float32.")
    with parts.dtype_policy(precision):
        if model is None:
            model = parts.network(recipe)
            pretrained.load(model, recipe, run_dir)
            if recipe.whitening:
                whitening.whiten(model, feed.first_images(whitening.IMAGES))
        elif replicas > 1:
            # Variables made outside the scope live on one device only.
            weights = model.get_weights()
            model = keras.models.clone_model(model)
            model.set_weights(weights)
        # Trained on, they are no longer the weights that were published.
        model.published = None
        model = parts.compiled(recipe, model, replicas, steps)
        average = parts.moving_average(recipe, steps)
        if average is not None:
            average.build(model)
        return model, average


def _opened(
    run_dir: str | Path | None,
    recipe: BaseRecipe,
    model: keras.Model,
    average: MovingAverage | None,
    known: dict[str, Any],
    save_every_steps: int | None,
    guard: NonFinite,
    feed: "resident.Feed | streamed.Feed",
) -> tuple[RunFolder | None, Place]:
    """The run folder, if there is one, and how far the run has come."""
    if run_dir is None:
        return None, Place()
    run.claim_with_hosts(run_dir, recipe, known)
    folder = RunFolder(
        run_dir,
        save_every=save_every_steps and save_every_steps * recipe.gradient_accumulation_steps,
        average=average,
        notes=lambda: {"skipped": guard.skipped, **feed.notes},
    )
    with devices.alone():
        place = folder.restore(model)
    run.check_shared(run_dir, place.epochs)
    guard.resume(place.batches, place.notes.get("skipped", 0))
    feed.resume(place.notes)
    return folder, place


def _trained(
    recipe: BaseRecipe,
    model: keras.Model,
    feed: "resident.Feed | streamed.Feed",
    steps: int,
    place: Place,
    options: dict[str, Any],
) -> keras.callbacks.History:
    """The history of the epochs that are left; Keras cannot begin within one, which gets a `fit` of its own."""
    history = keras.callbacks.History()
    history.set_model(model)
    last = recipe.total_epochs
    # Keras counts the parts of a batch.
    length = steps * recipe.gradient_accumulation_steps
    begun = [(place.epochs, place.batches, place.epochs + 1)] if place.batches else []
    for epoch, batch, end in [*begun, (place.epochs + len(begun), 0, last)]:
        if epoch < end:
            with feed.training(model, first_epoch=epoch, first_batch=batch) as batches:
                history = model.fit(
                    **batches,
                    initial_epoch=epoch,
                    epochs=end,
                    steps_per_epoch=length - batch,
                    shuffle=False,
                    **options,
                )
            if "loss" not in history.history:
                raise RuntimeError("Keras ended an epoch without a single update.")
            if model.stop_training:
                break
    return history


def _check_options(
    recipe: BaseRecipe,
    model: keras.Model | None,
    teacher: keras.Model | None,
    on_nan: str,
    save_every_steps: int | None,
    run_dir: Any,
) -> None:
    check_complete(recipe)
    pretrained.check(recipe, model)
    teaching.check(recipe, teacher)
    if on_nan not in ("stop", "skip"):
        raise ValueError(f"`on_nan` must be 'stop' or 'skip'; received {on_nan!r}.")
    if save_every_steps is not None and (save_every_steps < 1 or run_dir is None):
        raise ValueError(
            "`save_every_steps` must be at least 1 and needs `run_dir`; "
            f"received {save_every_steps} and run_dir={run_dir!r}."
        )


def _finished(
    history: keras.callbacks.History,
    model: keras.Model,
    folder: RunFolder | None,
    average: MovingAverage | None,
) -> keras.callbacks.History:
    """The history of all epochs, once every host has come so far and one has written the files."""
    devices.gather(0)
    # Not what was trained in its place, if there was a teacher.
    history.set_model(model)
    if average is not None:
        average.finish()
    if folder is not None:
        history.epoch, history.history = folder.history()
    return history


def _callbacks(
    recipe: BaseRecipe,
    steps: int,
    average: MovingAverage | None,
    feed: "resident.Feed | streamed.Feed",
    callbacks: Sequence[keras.callbacks.Callback],
    folder: RunFolder | None,
    guard: NonFinite,
) -> list[keras.callbacks.Callback]:
    def log_rate(epoch: int, logs: dict[str, float]) -> None:
        rate = keras.ops.convert_to_numpy(guard.model.optimizer.learning_rate)
        logs["learning_rate"] = float(rate)

    if isinstance(recipe.schedule, Plateau):
        monitor = "val_top1" if feed.evaluates else "top1"
        rate = PlateauCallback(recipe, monitor, lambda: folder.rows if folder else [])
    elif not rates.per_update(recipe):
        rate = keras.callbacks.LearningRateScheduler(rates.schedule(recipe))
    else:
        rate = keras.callbacks.LambdaCallback(on_epoch_end=log_rate)
    # The folder comes last: its log then has what the others put into theirs.
    # Statistics are averaged before anyone saves them.
    # The clock comes first: what the others do to evaluate is not training.
    return [
        rates.progress(recipe, steps),
        *([average] if average else []),
        devices.AveragedStatistics(),
        rate,
        guard,
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: feed.warn()),
        *callbacks,
        *([folder] if folder else []),
    ]
