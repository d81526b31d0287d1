"""The steps of a compiled model while its data are cards: what is made of them, and views of a test picture."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.checkpoints import build_metrics


@contextlib.contextmanager
def steps_given(
    model: keras.Model, inputs: Mapping[str, Callable[..., tuple[Any, Any]]], calls: int
) -> Iterator[None]:
    """Inside, steps of a model are given what is made of their data, so many steps a call."""
    # Else Keras would try out the model on cards.
    build_metrics(model)
    nothing = ops.zeros((1, *model.output_shape[1:]))
    model.compute_loss(None, nothing, nothing)
    before = {name: vars(model)[name] for name in inputs if name in vars(model)}
    calls_before = model.steps_per_execution
    for name, made in inputs.items():
        setattr(model, name, _given(getattr(model, name), made))
    model.steps_per_execution = calls
    # Keras keeps what it makes of a step.
    model.train_function = model.test_function = None
    try:
        yield
    finally:
        for name in inputs:
            delattr(model, name)
        for name, step in before.items():
            setattr(model, name, step)
        model.steps_per_execution = calls_before
        model.train_function = model.test_function = None


@contextlib.contextmanager
def test_mirrored(model: keras.Model) -> Iterator[None]:
    """Inside, a test step is of the mean score of each picture and its mirror image."""
    step, call = model.test_step, model.call

    def twice(images: Any, **options: Any) -> Any:
        views = (images, ops.flip(images, axis=2))
        # In half precision a mean would be rounded to it.
        one, other = (ops.cast(call(view, **options), "float32") for view in views)
        return (one + other) / 2

    def test_step(*arguments: Any) -> Any:
        model.call = twice
        try:
            return step(*arguments)
        finally:
            del model.call

    model.test_step = test_step
    try:
        yield
    finally:
        del model.test_step


def _given(step: Callable[..., Any], inputs: Callable[..., tuple[Any, Any]]) -> Callable[..., Any]:
    if keras.backend.backend() == "jax":
        return lambda state, data: step(state, inputs(*data))
    return lambda data: step(inputs(*data))
