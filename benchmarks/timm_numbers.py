"""Conversion of a recipe to the settings of timm_training.py."""

from typing import Any

import keras_resnet_recipes as krr


def numbers(recipe: krr.Recipe, batches_per_epoch: int) -> dict[str, Any]:
    """Returns the timm settings of A1, A2 or A3, except for timm's defaults."""
    magnitude, deviation = recipe.rand_augment_magnitude, recipe.rand_augment_std
    return {
        "network": recipe.network.lower(),
        "classes": recipe.classes,
        "drop_path": recipe.drop_path_rate,
        "train_size": recipe.train_size,
        "test_size": recipe.test_size,
        "test_crop_ratio": recipe.test_crop_ratio,
        "test_interpolation": recipe.test_interpolation,
        "auto_augment": f"rand-m{magnitude:g}-mstd{deviation}-inc1",
        "mixup": recipe.mixup_alpha,
        "cutmix": recipe.cutmix_alpha,
        "smoothing": recipe.label_smoothing,
        "threshold": recipe.target_threshold,
        "copies": recipe.repeated_augmentation,
        "rate": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "epochs": recipe.epochs,
        "warmup_epochs": recipe.warmup_epochs,
        "warmup_rate": recipe.warmup_learning_rate,
        "minimum_rate": recipe.minimum_learning_rate,
        "batch_size": recipe.batch_size,
        "batches_per_epoch": batches_per_epoch,
    }
