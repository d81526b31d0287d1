"""Quantized LiteRT files: weights in float16, or weights and activations in int8."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

KINDS = ("float16", "int8")


def check_quantization(
    quantize: str | None, format: str, calibration: np.ndarray | None, size: int | None
) -> None:
    """Raises ValueError if arguments of `export` do not go together; `size` is None if it is variable."""
    if quantize is None:
        if calibration is not None:
            raise ValueError(
                "`calibration` must be None unless quantize='int8'. Received: quantize=None"
            )
        return
    if quantize not in KINDS or format != "litert":
        raise ValueError(
            "`quantize` must be 'float16', 'int8' or None, and None for other formats than 'litert'. "
            f"Received: quantize={quantize!r}, format={format!r}"
        )
    if (quantize == "int8") != (calibration is not None):
        raise ValueError(
            "`calibration` must be given for quantize='int8', whose activations' range it shows, and only for it. "
            f"Received: quantize={quantize!r}, calibration={'None' if calibration is None else 'images'}"
        )
    if calibration is None:
        return
    shape = (size, size, 3)
    images = np.asarray(calibration)
    if size is None or images.dtype != "uint8" or images.shape[1:] != shape or not len(images):
        raise ValueError(
            f"`calibration` must be uint8 images [n, size, size, 3] of the exported size, {size}. "
            f"Received: {images.dtype} {list(images.shape)}"
        )


def write_float16(model: keras.Model, path: Path) -> None:
    """Writes a LiteRT file with weights in float16, which a runtime on the CPU computes with in float32."""
    import tensorflow as tf

    target = {"supported_types": [tf.float16], "supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    _write(model, path, target_spec=target)


def write_int8(model: keras.Model, path: Path, calibration: np.ndarray) -> None:
    """Writes a LiteRT file that computes in integers, from uint8 images to the last operation, which gives float32.

    Operations of which LiteRT has no integer version remain in float32, with a message.

    Args:
        model: A model of float32 images.
        path: The file.
        calibration: Images, uint8 [n, size, size, 3].
    """
    import tensorflow as tf

    images = calibration.astype("float32")
    # The whole range of a pixel, so that a step of the quantized input is one level.
    images[0, 0, 0], images[0, -1, -1] = 0, 255
    _write(
        model,
        path,
        representative_dataset=lambda: ([image[None]] for image in images),
        inference_input_type=tf.uint8,
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
    )
    floats = _float_tensors(path)
    if floats > 1:
        print(
            f"`quantize`: LiteRT has no integer version of some operations of the model; {floats - 1} tensors of the "
            "file remain in float32."
        )


def _float_tensors(path: Path) -> int:
    """Returns the number of float32 tensors of a file, of which the output is one."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    return sum(tensor["dtype"] is np.float32 for tensor in interpreter.get_tensor_details())


def _write(model: keras.Model, path: Path, **options: Any) -> None:
    import tensorflow as tf

    optimizations = [tf.lite.Optimize.DEFAULT]
    model.export(path, format="litert", verbose=False, optimizations=optimizations, **options)
