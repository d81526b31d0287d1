"""Muon: momentum whose step for a kernel is orthogonalized."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from keras_resnet_recipes.optimizers.paths import PathRules

# Coefficients of x, x³ and x⁵ in the function that an iteration applies to every singular value.
_QUINTIC = (3.4445, -4.7750, 2.0315)
_TINY = 1e-7


@keras.saving.register_keras_serializable(package="keras_resnet_recipes")
class Muon(PathRules, keras.optimizers.SGD):
    """Muon for convolution and dense kernels: momentum, with all singular values of a step moved toward 1.

    At every update, for each kernel p with gradient g and velocity v, which starts at 0:

        v <- momentum v + g
        u  = orthogonalize(g + momentum v)             with `nesterov`; without, of v
        p <- p sqrt(outputs) / |p|                     with `normalize_kernels`
        p <- p - learning_rate u

    A kernel is a matrix of `outputs` columns; a convolution's height, width and inputs make up the rows. |.| is the
    2-norm of the whole kernel. There is no weight decay: the norm of a kernel is given, or the user's concern.

    Biases, scales and shifts are no matrices. In a recipe a `krr.recipe.Group` gives them another optimizer, in Keras
    `krr.optimizers.MultiOptimizer` does. Depthwise kernels, whose outputs are on two axes, need another one, too.

    `keras.optimizers.Muon` differs: it updates every variable that does not have exactly two dimensions with AdamW,
    so that for a ResNet it is AdamW except in the classifier, which is better left out of Muon. Its steps
    grow with the size of a matrix (`rms_rate`), and it does not normalize kernels.

    Args:
        learning_rate: A float, a `keras.optimizers.schedules.LearningRateSchedule`, or a callable
            without arguments.
        momentum: In 0..1; with 0 there is no velocity.
        nesterov: Whether to orthogonalize g + momentum v instead of v.
        newton_schulz_iterations: Iterations of `orthogonalize`, at least 1.
        newton_schulz_dtype: "float32", or "bfloat16" as in the original, with two to three digits.
        normalize_kernels: Whether to scale each kernel to the norm sqrt(outputs) before the step.
        learning_rate_factors: Mapping from regular expressions to factors on the learning rate for variables
            whose path contains a match; the first match counts.
        global_clipnorm: Largest norm of all gradients together, greater than 0; None means no clipping.
        name: Name of the optimizer.
        **options: The other arguments of `keras.optimizers.Optimizer`: `gradient_accumulation_steps`, `clipnorm`,
            `clipvalue`, `loss_scale_factor`, `use_ema`, `ema_momentum`, `ema_overwrite_frequency`. For an EMA
            `averages.MovingAverage` also averages the statistics of batch normalization.

    Raises:
        ValueError: If a number is out of range, or a variable has less than two dimensions.

    Example:
        >>> kernel = keras.Variable([[3.0, 0.0], [0.0, 4.0]], name="kernel")
        >>> optimizer = Muon(learning_rate=0.1, momentum=0.0, normalize_kernels=False)
        >>> optimizer.apply([ops.convert_to_tensor([[5.0, 0.0], [0.0, 1.0]])], [kernel])
        >>> print(kernel.numpy().round(1))  # both entries move by about 0.1
        [[2.9 0. ]
         [0.  3.9]]

    References:
        airbench94_muon.py of KellerJordan/cifar10-airbench, which trains a network to 94 % on CIFAR-10 in 2.6 s;
        Jordan et al., "Muon: An optimizer for hidden layers in neural networks"
        (https://kellerjordan.github.io/posts/muon).
    """

    def __init__(
        self,
        learning_rate: float | Callable[..., Any] = 0.24,
        momentum: float = 0.6,
        nesterov: bool = True,
        newton_schulz_iterations: int = 3,
        newton_schulz_dtype: str = "float32",
        normalize_kernels: bool = True,
        learning_rate_factors: Mapping[str, float] | None = None,
        global_clipnorm: float | None = None,
        name: str = "muon",
        **options: Any,
    ) -> None:
        if newton_schulz_iterations < 1:
            raise ValueError(
                "`newton_schulz_iterations` must be at least 1. "
                f"Received: newton_schulz_iterations={newton_schulz_iterations!r}"
            )
        if newton_schulz_dtype not in ("float32", "bfloat16"):
            raise ValueError(
                "`newton_schulz_dtype` must be 'float32' or 'bfloat16'. "
                f"Received: newton_schulz_dtype={newton_schulz_dtype!r}"
            )
        super().__init__(
            learning_rate=learning_rate,
            momentum=float(momentum),
            nesterov=nesterov,
            weight_decay=None,
            global_clipnorm=global_clipnorm,
            name=name,
            **options,
        )
        self.newton_schulz_iterations = newton_schulz_iterations
        self.newton_schulz_dtype = newton_schulz_dtype
        self.normalize_kernels = normalize_kernels
        self._keep_paths((), None, learning_rate_factors)

    def build(self, variables: Any) -> None:
        """Creates the velocities.

        Raises:
            ValueError: If a variable has less than two dimensions.
        """
        vectors = [variable.path for variable in variables if len(variable.shape) < 2]
        if vectors:
            raise ValueError(
                "`variables` of Muon must be kernels, with two or more dimensions. Give biases, scales and shifts "
                "another optimizer, in a recipe with `groups=(Group(on='convolutions', optimizer=Muon()),)` of that "
                f"optimizer. Received: {len(vectors)} others, such as {vectors[0]!r}"
            )
        super().build(variables)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Updates one kernel and its velocity."""
        direction = ops.cast(gradient, variable.dtype)
        if self.momentum:
            velocity = self.momentums[self._get_variable_index(variable)]
            moved = self.momentum * ops.convert_to_tensor(velocity) + direction
            self.assign(velocity, moved)
            direction = direction + self.momentum * moved if self.nesterov else moved
        outputs = variable.shape[-1]
        step = orthogonalize(
            ops.reshape(direction, (-1, outputs)),
            self.newton_schulz_iterations,
            self.newton_schulz_dtype,
        )
        value = ops.convert_to_tensor(variable)
        if self.normalize_kernels:
            value = value * ops.cast(math.sqrt(outputs) / _norm(value, _TINY), value.dtype)
        step = ops.cast(ops.reshape(step, variable.shape), variable.dtype)
        self.assign(variable, value - self._rate_of(variable, learning_rate) * step)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments, without the state."""
        config = super().get_config()
        # Arguments of the base classes that this optimizer does not have.
        for name in ("weight_decay", "exclude_from_weight_decay", "weight_decay_factors"):
            del config[name]
        return {
            **config,
            "newton_schulz_iterations": self.newton_schulz_iterations,
            "newton_schulz_dtype": self.newton_schulz_dtype,
            "normalize_kernels": self.normalize_kernels,
        }


def orthogonalize(matrix: Any, iterations: int = 3, dtype: str = "float32") -> Any:
    """Moves all singular values of a matrix toward 1, by Newton-Schulz iteration.

    X starts as the matrix divided by its 2-norm, and each iteration is X <- a X + b (X Xᵀ) X + c (X Xᵀ)² X. The
    coefficients make small singular values grow fast instead of converging to 1: after 3 iterations those of at least
    0.02 of the norm are in 0.68..1.21.

    Args:
        matrix: Tensor [rows, columns]; a matrix of zeros stays one.
        iterations: At least 1.
        dtype: Type of the computation.

    Returns:
        A tensor of the same shape, and of type `dtype`.

    Example:
        >>> matrix = ops.convert_to_tensor([[2.0, 0.0], [0.0, -1.0]])
        >>> print(ops.convert_to_numpy(orthogonalize(matrix, 5)).round(3))
        [[ 0.689  0.   ]
         [ 0.    -1.114]]
    """
    a, b, c = _QUINTIC
    wide = ops.cast(matrix, "float32")
    x = ops.cast(wide / (_norm(wide) + _TINY), dtype)
    # The shorter side gives the smaller product.
    tall = x.shape[0] > x.shape[1]
    x = ops.transpose(x) if tall else x
    for _ in range(iterations):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return ops.transpose(x) if tall else x


def _norm(value: Any, least: float = 0.0) -> Any:
    """Returns the 2-norm of a tensor, at least `least`, in float32: squares of float16 overflow."""
    value = (
        value
        if keras.backend.standardize_dtype(value.dtype) == "float64"
        else ops.cast(value, "float32")
    )
    return ops.maximum(ops.sqrt(ops.sum(ops.square(value))), least)
