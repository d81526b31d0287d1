"""Training of several recipes with several seeds; repeating a call resumes it.

    krr.experiments.train_rows   trains several recipes and compares their accuracies
    krr.experiments.ablate       measures the effect of each ingredient of a recipe

Each run has its own run folder; results.json contains the metrics of all completed runs.
"""

from keras_resnet_recipes.experiments.ablation import ablate
from keras_resnet_recipes.experiments.runs import Results, train_rows
from keras_resnet_recipes.experiments.spread import Spread

__all__ = ["Results", "Spread", "ablate", "train_rows"]
