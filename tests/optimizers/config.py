"""A check of the configuration of any optimizer."""

import inspect

import keras

# Arguments of every Keras optimizer, which ours pass on. Keras allows one kind of clipping at a time.
OPTIONS = {
    "clipnorm": None,
    "clipvalue": None,
    "gradient_accumulation_steps": 2,
    "use_ema": True,
    "ema_momentum": 0.9,
    "ema_overwrite_frequency": 7,
    "loss_scale_factor": 8.0,
}


def check_config(kind, changed, same=()):
    """Checks that the configuration holds every argument, and that serialization returns the same optimizer.

    Args:
        kind: Class of the optimizer.
        changed: A value for each argument of the constructor, all but `same` different from the default.
        same: Arguments with their default.
    """
    changed = {**OPTIONS, **changed}
    # The base class has another signature on each backend.
    of_keras = set(inspect.signature(keras.optimizers.SGD).parameters)
    parameters = set(inspect.signature(kind).parameters) - {"options"}
    own = {"momentum", "nesterov", "weight_decay", "kwargs"}
    assert set(changed) == parameters | of_keras - own
    assert kind(**changed).get_config() == changed
    default = kind().get_config()
    equal = {name for name, value in default.items() if value == changed[name]}
    assert equal == {"clipnorm", "clipvalue", *same}
    for clipping in ("clipnorm", "clipvalue"):
        assert kind(global_clipnorm=None, **{clipping: 2.0}).get_config()[clipping] == 2.0
    optimizer = kind(**{**changed, "loss_scale_factor": None})
    wrapped = keras.optimizers.LossScaleOptimizer(optimizer)
    for copy in (
        kind.from_config(optimizer.get_config()),
        keras.optimizers.get(keras.optimizers.serialize(optimizer)),
        keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer)),
        keras.optimizers.deserialize(keras.optimizers.serialize(wrapped)).inner_optimizer,
    ):
        assert type(copy) is kind
        assert copy.get_config() == optimizer.get_config()
