"""Several recipes with several seeds, as one call that resumes where it was stopped.

    krr.experiments.train_rows   trains rows of recipes and compares their accuracies
    krr.experiments.ablate       what each ingredient of a recipe is worth

Every run is a run folder, and results.json has the figures of those that have ended.
"""

from keras_resnet_recipes.experiments.ablation import ablate
from keras_resnet_recipes.experiments.runs import Results, Spread, train_rows

__all__ = ["Results", "Spread", "ablate", "train_rows"]
