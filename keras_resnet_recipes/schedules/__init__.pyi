from .cosine import Cosine as Cosine
from .per_update import PerUpdate as PerUpdate
from .piecewise_linear import PiecewiseLinear as PiecewiseLinear
from .plateau import Plateau as Plateau
from .polynomial import Polynomial as Polynomial
from .schedule import Schedule as Schedule
from .staircase import Exponential as Exponential
from .staircase import Step as Step
