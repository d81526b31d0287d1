"""`fit`: builds the parts of a recipe and calls `keras.Model.fit`."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from keras_resnet_recipes import distribution as devices
from keras_resnet_recipes.applications import whitening
from keras_resnet_recipes.applications.freezing import ALL_STAGES, frozen_by_user, leaves
from keras_resnet_recipes.data import from_source
from keras_resnet_recipes.recipe import BaseRecipe
from keras_resnet_recipes.runs import ownership
from keras_resnet_recipes.runs.checkpoints import Position
from keras_resnet_recipes.runs.folder import RunFolder
from keras_resnet_recipes.runs.non_finite import NonFinite
from keras_resnet_recipes.schedules import Plateau
from keras_resnet_recipes.training import build, checks, determinism, learning_rate, pretrained
from keras_resnet_recipes.training.feeds import feed_class
from keras_resnet_recipes.training.learning_rate import PlateauCallback
from keras_resnet_recipes.training.model import TrainingModel
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
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: str | int = "auto",
    seed: int = 0,
) -> keras.callbacks.History:
    """Trains as `Recipe.fit` says."""
    checks.check_arguments(recipe, model, teacher, run_dir, save_every_steps, callbacks, seed)
    data, validation = _read(recipe, dataset, validation_data)
    with devices.scope(distribution) as replicas:
        recipe = recipe.replace(classes=checks.resolved_classes(recipe, data))
        checks.check_together(recipe, model, teacher, replicas, validated=validation is not None)
        steps = checks.resolved_steps(recipe, data, steps_per_epoch)
        numbers = {"steps": steps, "seed": seed, "replicas": replicas}
        feed = feed_class(recipe)(recipe, data, validation, **numbers)
        given = {"own_model": model is not None, "teacher": teacher}
        facts = ownership.facts(data, validation, steps, seed, **given)
        determinism.set_random_seed(seed)
        network = _compiled_network(recipe, model, replicas, steps, feed, run_dir)
        network.class_names = data.class_names
        learner = _training_model(recipe, network, teacher, feed, steps, replicas)
        try:
            folder, position = _opened(run_dir, recipe, learner, facts, save_every_steps)
            called = _callbacks(recipe, steps, feed, callbacks, folder, position)
            options = {"callbacks": called, "verbose": verbose if devices.is_writer() else 0}
            with determinism.deterministic(), ownership.stopping_on_sigterm(folder):
                history = _trained(recipe, learner, feed, steps, folder, position, options)
            return _finished(history, learner, folder)
        finally:
            # After an error too: the optimizer has its own variables only, and the given model the trained weights.
            learner.release()
            if model is not None and network is not model:
                model.set_weights(network.get_weights())


def _read(recipe: BaseRecipe, dataset: Any, validation_data: Any) -> tuple[Any, Any]:
    """Returns both data sets, classes numbered as in the first."""
    data = from_source(dataset)
    if recipe.data_on_device:
        checks.check_in_memory(data)
    if validation_data is None:
        return data, None
    return data, from_source(validation_data, split="validation", like=data)


def _compiled_network(
    recipe: BaseRecipe,
    model: keras.Model | None,
    replicas: int,
    steps: int,
    feed: "Feed",
    run_dir: str | Path | None,
) -> keras.Model:
    """Returns the network that is trained, compiled: the model that was given, or the recipe's."""
    if model is None:
        network = _new_network(recipe, feed, run_dir)
    elif replicas > 1:
        # Variables created outside the scope are on one device only.
        network = keras.models.clone_model(model)
        network.set_weights(model.get_weights())
    else:
        network = model
    # After training they are no longer the published weights.
    network.published = None
    network = build.compiled(recipe, network, replicas, steps)
    if model is not None:
        _report_frozen(recipe, network)
    return network


def _new_network(recipe: BaseRecipe, feed: "Feed", run_dir: str | Path | None) -> keras.Model:
    """Returns the recipe's network in its precision, with pretrained or random weights."""
    policy = build.resolved_precision(recipe)
    if recipe.precision == "auto":
        print(f"`precision`: {policy}, for {', '.join(devices.accelerators()) or 'the CPU'}.")
    elif policy != "float32" and not devices.accelerators():
        print(f"`precision`: {policy} is slower than float32 here, on a CPU; 'auto' is float32.")
    with build.dtype_policy(policy):
        network = build.network(recipe)
        pretrained.load(network, recipe, run_dir)
        if recipe.whitening:
            whitening.whiten(network, feed.first_images(whitening.IMAGES))
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
    teacher: keras.Model | None,
    feed: "Feed",
    steps: int,
    replicas: int,
) -> TrainingModel:
    """Returns the network as it is trained, compiled with the network's optimizer."""
    learner = TrainingModel(
        network,
        average=build.moving_average(recipe, steps),
        teacher=teacher_of(recipe, teacher),
        **feed.step,
    )
    learner.compile(
        optimizer=network.optimizer, **build.objective(recipe, replicas), auto_scale_loss=False
    )
    learner.build_losses_and_metrics()
    return learner


def _opened(
    run_dir: str | Path | None,
    recipe: BaseRecipe,
    learner: TrainingModel,
    facts: dict[str, Any],
    save_every_steps: int | None,
) -> tuple[RunFolder | None, Position]:
    """Returns the run folder, if there is one, and where the run resumes."""
    if run_dir is None:
        return None, Position()
    ownership.claim_with_hosts(run_dir, recipe, facts)
    save_every = save_every_steps and save_every_steps * recipe.gradient_accumulation_steps
    folder = RunFolder(run_dir, save_every=save_every, average=learner.average)
    with devices.alone():
        position = folder.restore(learner)
    ownership.check_shared(run_dir, position.epochs)
    return folder, position


def _trained(
    recipe: BaseRecipe,
    learner: TrainingModel,
    feed: "Feed",
    steps: int,
    folder: RunFolder | None,
    position: Position,
    options: dict[str, Any],
) -> keras.callbacks.History:
    """Returns the history of the remaining epochs; Keras cannot begin within one, which gets its own `fit`."""
    history = keras.callbacks.History()
    history.set_model(learner)
    last = recipe.total_epochs
    # Keras counts micro-batches.
    length = steps * recipe.gradient_accumulation_steps
    begun = [(position.epochs, position.batches, position.epochs + 1)] if position.batches else []
    for epoch, batch, end in [*begun, (position.epochs + len(begun), 0, last)]:
        if epoch < end:
            # Saves are due at multiples of it, wherever the epoch resumes.
            whole = math.gcd((folder and folder.save_every) or length, batch)
            learner.steps_per_execution = whole if feed.epoch_in_one_call else 1
            # Keras keeps the function that it compiled for another number of steps.
            learner.train_function = learner.test_function = None
            with feed.training(first_epoch=epoch, first_batch=batch) as data:
                history = learner.fit(
                    **data,
                    initial_epoch=epoch,
                    epochs=end,
                    steps_per_epoch=length - batch,
                    shuffle=False,
                    **options,
                )
            if "loss" not in history.history:
                raise RuntimeError("Keras ended an epoch without a single update.")
            if learner.stop_training:
                break
    return history


def _finished(
    history: keras.callbacks.History, learner: TrainingModel, folder: RunFolder | None
) -> keras.callbacks.History:
    """Returns the history of all epochs, once every host is done and one has written the files."""
    devices.gather(0)
    history.set_model(learner.network())
    learner.finish()
    if folder is not None:
        history.epoch, history.history = folder.history()
    return history


def _callbacks(
    recipe: BaseRecipe,
    steps: int,
    feed: "Feed",
    callbacks: Sequence[keras.callbacks.Callback],
    folder: RunFolder | None,
    position: Position,
) -> list[keras.callbacks.Callback]:
    guard = NonFinite(batches_per_update=recipe.gradient_accumulation_steps)
    guard.resume(position.batches)

    def log_rate(epoch: int, logs: dict[str, float]) -> None:
        rate = keras.ops.convert_to_numpy(guard.model.optimizer.learning_rate)
        logs["learning_rate"] = float(rate)

    if isinstance(recipe.schedule, Plateau):
        monitor = "val_top1" if feed.evaluates else "top1"
        rate = PlateauCallback(recipe, monitor, lambda: folder.rows if folder else [])
    elif not learning_rate.per_update(recipe):
        rate = keras.callbacks.LearningRateScheduler(learning_rate.schedule(recipe))
    else:
        rate = keras.callbacks.LambdaCallback(on_epoch_end=log_rate)
    # The folder comes last: its log then has what the others put into theirs.
    # Statistics are averaged before anything is saved.
    # The clock comes first: evaluations by other callbacks are not training.
    return [
        learning_rate.progress(recipe, steps),
        devices.AveragedStatistics(),
        rate,
        guard,
        keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: feed.warn()),
        *callbacks,
        *([folder] if folder else []),
    ]
