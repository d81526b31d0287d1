"""Procedures that 'ResNet strikes back' compares with in its table 2 and that are no recipes here.

That table itself could not be read: what stands here without another source is marked as not verified.
Its other columns are recipes: `He2015`, `DeiT`, `A1`, `A2` and `A3`.
"""

from keras_resnet_recipes.recipes.tables import Column

# torchvision's first weights, 76.13 % in the meta data of its package, and its reference training;
# the rate is divided by 10 every 30 epochs.
PYTORCH = Column(
    "PyTorch",
    76.1,
    (
        ("network", "ResNet50"),
        ("train_size", 224),
        ("test_size", 224),
        ("test_crop_ratio", 0.875),
        ("test_interpolation", "bilinear"),
        ("epochs", 90),
        ("batch_size", 256),
        ("optimizer", "sgd"),
        ("learning_rate", 0.1),
        ("weight_decay", 1e-4),
        ("schedule", "step"),
        ("step_epochs", (30, 60)),
        ("step_factor", 0.1),
    ),
)
# 'Fixing the train-test resolution discrepancy' (arXiv 1906.06423).
FIXRES = Column("FixRes", 77.0, (("network", "ResNet50"),), ("published_top1", "network"))
# 'FAMS x 4' of that table, with AutoAugment and an average of weights (SWA), for which no field is here.
FAMS = Column(
    "FAMS",
    79.5,
    (
        ("network", "ResNet50"),
        ("epochs", 400),
        ("batch_size", 1024),
        ("optimizer", "sgd"),
        ("learning_rate", 2.0),
    ),
    ("published_top1", "network", "epochs", "batch_size", "optimizer", "learning_rate"),
)

COLUMNS: dict[str, Column] = {column.name: column for column in (PYTORCH, FIXRES, FAMS)}
TABLE2 = ("He2015", "PyTorch", "FixRes", "DeiT", "FAMS", "A1", "A2", "A3")
"""The columns of that table, by the names of `COLUMNS` and `RECIPES`."""
