from . import build as build
from . import learning_rate as learning_rate
from .fit import fit as fit
from .load_run import load_run as load_run
from .model import TrainingModel as TrainingModel
from .teacher import Teacher as Teacher
