"""Sources of images: folders, CSV lists, arrays, prepared folders, TensorFlow Datasets, any Python data set."""

from keras_resnet_recipes.data.dataset import ImageDataset, ImageStream, from_arrays
from keras_resnet_recipes.data.decode import OpenedImage, UnreadableImage, decode, opened
from keras_resnet_recipes.data.folder import from_folder
from keras_resnet_recipes.data.iterables import from_dataset, from_indexable
from keras_resnet_recipes.data.manifest import from_csv
from keras_resnet_recipes.data.mean import mean_image
from keras_resnet_recipes.data.prepare import write_prepared
from keras_resnet_recipes.data.shards import from_prepared
from keras_resnet_recipes.data.source import from_source, has_validation
from keras_resnet_recipes.data.source import with_siblings as with_siblings
from keras_resnet_recipes.data.split import split
from keras_resnet_recipes.data.tfds import from_tfds
from keras_resnet_recipes.data.unreadable import UnreadableImages

__all__ = [
    "ImageDataset",
    "ImageStream",
    "OpenedImage",
    "UnreadableImage",
    "UnreadableImages",
    "decode",
    "from_arrays",
    "from_csv",
    "from_dataset",
    "from_folder",
    "from_indexable",
    "from_prepared",
    "from_source",
    "from_tfds",
    "has_validation",
    "mean_image",
    "opened",
    "split",
    "write_prepared",
]
