"""The experiments of the papers, each as one call that goes on where it was stopped.

    krr.experiments.degradation           plain against residual networks (He 2015)
    krr.experiments.ablate                what each trick of a recipe is worth ('Bag of Tricks')
    krr.experiments.architecture_search   the 15 networks of the CIFAR-10 speed run

Each trains rows of a table, a recipe each, with one seed or several; every run is a run folder, and
results.json has the figures of those that have ended.
"""

from keras_resnet_recipes.experiments.ablation import ablate
from keras_resnet_recipes.experiments.depth import degradation
from keras_resnet_recipes.experiments.runs import Results, Spread
from keras_resnet_recipes.experiments.search import architecture_search

__all__ = ["Results", "Spread", "ablate", "architecture_search", "degradation"]
