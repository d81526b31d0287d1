"""`fit`: builds the parts of a recipe and calls `keras.Model.fit`."""

import functools
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_resnet_recipes import distribution as devices
from keras_resnet_recipes.applications import whitening
from keras_resnet_recipes.applications.freezing import ALL_STAGES, frozen_by_user, leaves
from keras_resnet_recipes.data import ImageDataset, ImageStream, from_source
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.runs import ownership
from keras_resnet_recipes.runs.checkpoints import MANIFEST, Position
from keras_resnet_recipes.runs.folder import RunFolder
from keras_resnet_recipes.runs.log import MEAN_AVERAGE_PRECISION, TOP1
from keras_resnet_recipes.runs.non_finite import NonFinite
from keras_resnet_recipes.runs.progress import Progress
from keras_resnet_recipes.runs.resuming import RunCallbacks
from keras_resnet_recipes.schedules import Plateau
from keras_resnet_recipes.training import build, checks, determinism, learning_rate, pretrained
from keras_resnet_recipes.training.class_weights import training_loss
from keras_resnet_recipes.training.feeds import feed_class
from keras_resnet_recipes.training.learning_rate import PlateauCallback
from keras_resnet_recipes.training.model import TrainingModel
from keras_resnet_recipes.training.multi_label import check_trained, scores
from keras_resnet_recipes.training.overview import overview
from keras_resnet_recipes.training.teacher import teacher_of

if TYPE_CHECKING:
    from keras_resnet_recipes.training.feeds import device, host

    Feed = device.Feed | host.Feed


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
    accept_changed_data: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: str | int = "auto",
    seed: int = 0,
) -> keras.callbacks.History:
    """Trains as `Recipe.fit` says."""
    arguments = model, teacher, run_dir, save_every_steps, callbacks, seed
    checks.check_arguments(recipe, *arguments, distribution)
    data, validation = _read(recipe, dataset, validation_data)
    seed = int(seed)  # NumPy's integers neither seed Keras nor are JSON.
    if hint := devices.unused_accelerator():
        warnings.warn(hint, stacklevel=4)
    with devices.scope(distribution) as replicas, determinism.seeded(seed):
        recipe = _checked(recipe, data, validation, model, teacher, replicas)
        steps = checks.resolved_steps(recipe, data, steps_per_epoch)
        loss = training_loss(recipe, data)
        kind = feed_class(recipe)
        feed = kind(recipe, data, validation, steps=steps, seed=seed, replicas=replicas)
        given = {"own_model": model is not None, "teacher": teacher}
        facts = run_dir and ownership.facts(data, validation, steps, seed, **given)
        begun = model or _new_network(recipe, feed, run_dir, data.class_names)
        numbers = {"replicas": replicas, "steps": steps, "multi_label": data.multi_label}
        network = _compiled_network(recipe, begun, **numbers, new=model is None)
        terms = {"teacher": teacher_of(recipe, teacher), "training_loss": loss}
        learner = _training_model(recipe, network, terms, feed, **numbers)
        try:
            with ownership.owned(run_dir, recipe, facts, accept_changed_data):
                monitor = MEAN_AVERAGE_PRECISION if data.multi_label else TOP1
                saving = save_every_steps, monitor, validation
                folder, position = _opened(run_dir, recipe, learner, steps, *saving)
                _describe(data, network, begun)
                text = overview(recipe, data, validation, model, run_dir, position, steps, replicas)
                verbose = verbose if devices.is_writer() else 0
                if verbose:
                    print(text)
                called = RunCallbacks(
                    [*learner.own_callbacks, *_callbacks(recipe, steps, feed, position, monitor)],
                    callbacks,
                    folder,
                    learner,
                    verbose=verbose,
                    epochs=recipe.total_epochs,
                )
                with determinism.deterministic(), ownership.stopping_on_sigterm(folder):
                    _train(recipe, learner, feed, steps, position, called)
                return _finished(learner, folder)
        finally:
            # After an error too: the optimizer has its own variables only, and the given model the trained weights.
            learner.release()
            if model is not None and network is not model:
                model.set_weights(network.get_weights())


def _checked(
    recipe: BaseRecipe,
    data: ImageDataset | ImageStream,
    validation: ImageDataset | ImageStream | None,
    model: keras.Model | None,
    teacher: keras.Model | None,
    replicas: int,
) -> BaseRecipe:
    """Returns the recipe with its classes, once it fits the data, model and devices."""
    recipe = recipe.replace(classes=checks.resolved_classes(recipe, data))
    validated = validation is not None
    checks.check_together(recipe, model, teacher, replicas, validated=validated)
    check_trained(recipe, data, validated=validated)
    return recipe


def _read(recipe: BaseRecipe, dataset: Any, validation_data: Any) -> tuple[Any, Any]:
    """Returns both data sets, classes numbered as in the first."""
    data = from_source(dataset)
    if recipe.data_on_device:
        checks.check_in_memory(data)
    if validation_data is None:
        return data, None
    return data, from_source(validation_data, split="validation", like=data)


def _compiled_network(
    recipe: BaseRecipe, model: keras.Model, *, new: bool, replicas: int, **numbers: int
) -> keras.Model:
    """Returns the network that is trained, compiled: a model, on several devices a clone unless it is new."""
    network = model
    if replicas > 1 and not new:
        # Variables created outside the scope are on one device only.
        network = keras.models.clone_model(model)
        network.set_weights(model.get_weights())
    network = build.compiled(recipe, network, replicas, **numbers)
    if not new:
        _report_frozen(recipe, network)
    return network


def _new_network(
    recipe: BaseRecipe,
    feed: "Feed",
    run_dir: str | Path | None,
    class_names: Sequence[str] | None,
) -> keras.Model:
    """Returns the recipe's network in its precision, with pretrained or random weights."""
    policy = build.resolved_precision(recipe)
    # bfloat16 is faster on processors with instructions for it.
    if policy == "mixed_float16" and not devices.accelerators():
        print(f"`precision`: {policy} is slower than float32 here, on a CPU; 'auto' is float32.")
    with build.dtype_policy(policy):
        network = build.network(recipe)
        pretrained.load(network, recipe, run_dir, class_names)
        if recipe.whitening:
            numbers = recipe.network
            images = feed.first_images(numbers.whitening_images)
            whitening.whiten(network, images, numbers.whitening_epsilon)
    return network


def _report_frozen(recipe: BaseRecipe, model: keras.Model) -> None:
    """Prints which layers of a given model are frozen, and by whom."""
    own = frozen_by_user(model)
    if own:
        print(f"`model`: {len(own)} layers stay frozen, as they were given.")
    if recipe.frozen_stages == ALL_STAGES:
        last = [layer for layer in leaves(model) if layer.weights][-1]
        print(f"`frozen_stages`: all layers before {last.name!r} are frozen.")


def _training_model(
    recipe: BaseRecipe,
    network: keras.Model,
    terms: dict[str, Any],
    feed: "Feed",
    *,
    steps: int,
    replicas: int,
    multi_label: bool,
) -> TrainingModel:
    """Returns the network as it is trained, compiled with the network's optimizer."""
    learner = TrainingModel(
        network,
        average=build.moving_average(recipe, steps),
        scores=functools.partial(scores, recipe) if multi_label else None,
        **terms,
        **feed.step,
    )
    objective = build.objective(recipe, replicas, multi_label)
    learner.compile(optimizer=network.optimizer, **objective, auto_scale_loss=False)
    learner.build_losses_and_metrics()
    return learner


def _opened(
    run_dir: str | Path | None,
    recipe: BaseRecipe,
    learner: TrainingModel,
    steps: int,
    save_every_steps: int | None,
    monitor: str,
    validation: ImageDataset | ImageStream | None,
) -> tuple[RunFolder | None, Position]:
    """Returns the run folder, if there is one, and where the run resumes."""
    if run_dir is None:
        return None, Position()
    ownership.list_drawn(run_dir, validation)
    accumulated = recipe.gradient_accumulation_steps
    save_every = save_every_steps and save_every_steps * accumulated
    since = ownership.validated_since(run_dir)
    saving = {"save_every": save_every, "average": learner.average, "best_since": since}
    folder = RunFolder(run_dir, monitor, **saving)
    with devices.alone():
        position = folder.restore(learner)
    ownership.check_shared(run_dir, position.epochs)
    if position.epochs > recipe.total_epochs or position.batches >= steps * accumulated:
        raise ValueError(
            f"{str(folder.path / MANIFEST)!r} has a checkpoint after epoch {position.epochs} and batch "
            f"{position.batches}, but the run has {recipe.total_epochs} epochs of {steps * accumulated} batches."
        )
    if position.stopped and position.epochs < recipe.total_epochs:
        print(f"A callback stopped the run in {str(run_dir)!r} after epoch {position.epochs}.")
    return folder, position


def _describe(data: ImageDataset | ImageStream, *models: keras.Model) -> None:
    """Gives models the attributes that their predictions need."""
    for model in models:
        model.class_names, model.multi_label = data.class_names, data.multi_label
        # After training the weights are no longer the published ones.
        model.published = None


def _train(
    recipe: BaseRecipe,
    learner: TrainingModel,
    feed: "Feed",
    steps: int,
    position: Position,
    callbacks: RunCallbacks,
) -> None:
    """Trains the remaining epochs; Keras cannot begin within one, which gets its own `fit`."""
    last = position.epochs if position.stopped else recipe.total_epochs
    # Keras counts micro-batches.
    length = steps * recipe.gradient_accumulation_steps
    begun = [(position.epochs, position.batches, position.epochs + 1)] if position.batches else []
    callbacks.begin()
    try:
        for epoch, batch, end in [*begun, (position.epochs + len(begun), 0, last)]:
            if epoch < end and not learner.stop_training:
                _fit(learner, feed, callbacks, epochs=(epoch, end), batches=(batch, length))
    except BaseException:
        callbacks.break_off()
        raise
    callbacks.end()


def _fit(
    learner: TrainingModel,
    feed: "Feed",
    callbacks: RunCallbacks,
    *,
    epochs: tuple[int, int],
    batches: tuple[int, int],
) -> None:
    """Trains epochs, each from the first of `batches` to the second."""
    # Saves are due at multiples of it, wherever the epoch resumes.
    whole = math.gcd(callbacks.save_every or batches[1], batches[0])
    learner.steps_per_execution = whole if feed.epoch_in_one_call else 1
    # Keras keeps the function that it compiled for another number of steps.
    learner.train_function = learner.test_function = None
    steps = batches[1] - batches[0]
    callbacks.set_steps(steps)
    with feed.training(first_epoch=epochs[0], first_batch=batches[0]) as data:
        history = learner.fit(
            **data,
            initial_epoch=epochs[0],
            epochs=epochs[1],
            steps_per_epoch=steps,
            shuffle=False,
            callbacks=callbacks,
        )
    if "loss" not in history.history:
        raise RuntimeError("Keras ended an epoch without a single update.")


def _finished(learner: TrainingModel, folder: RunFolder | None) -> keras.callbacks.History:
    """Returns the history of all epochs, once every host is done and one has written the files."""
    devices.gather(0)
    history = learner.history
    history.set_model(learner.network())
    learner.finish()
    if folder is not None:
        history.epoch, history.history = folder.history()
    return history


def _callbacks(
    recipe: BaseRecipe, steps: int, feed: "Feed", position: Position, monitor: str
) -> list[keras.callbacks.Callback]:
    """Returns the recipe's callbacks, which come before the user's."""
    guard = NonFinite(
        batches_per_update=recipe.gradient_accumulation_steps, first_batch=position.batches
    )

    def log_rate(epoch: int, logs: dict[str, float]) -> None:
        rate = keras.ops.convert_to_numpy(guard.model.optimizer.learning_rate)
        logs["learning_rate"] = float(rate)

    if isinstance(recipe.schedule, Plateau):
        rate = PlateauCallback(recipe, monitor if feed.evaluates else "top1")
    elif not learning_rate.per_update(recipe):
        rate = keras.callbacks.LearningRateScheduler(learning_rate.schedule(recipe))
    else:
        rate = keras.callbacks.LambdaCallback(on_epoch_end=log_rate)
    # The clock comes first: evaluations by other callbacks are not training.
    # Statistics are averaged before anything is saved.
    return [
        Progress(
            images=recipe.batch_size // recipe.gradient_accumulation_steps,
            batches=steps * recipe.gradient_accumulation_steps,
        ),
        devices.AveragedStatistics(),
        rate,
        guard,
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: feed.warn()),
    ]
