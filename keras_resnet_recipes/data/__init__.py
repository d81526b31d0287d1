"""Where images come from: folders, lists, arrays, TFRecords, TensorFlow Datasets, any tf.data.Dataset."""

from keras_resnet_recipes.data.arrays import from_arrays
from keras_resnet_recipes.data.dataset import ImageDataset
from keras_resnet_recipes.data.decode import decode, decode_crop
from keras_resnet_recipes.data.folder import from_folder
from keras_resnet_recipes.data.manifest import from_csv
from keras_resnet_recipes.data.mean import mean_image
from keras_resnet_recipes.data.prepare import write_tfrecords
from keras_resnet_recipes.data.records import from_tfrecords
from keras_resnet_recipes.data.shards import from_prepared
from keras_resnet_recipes.data.source import from_source
from keras_resnet_recipes.data.streams import from_dataset, from_tfds
from keras_resnet_recipes.data.unreadable import UnreadableImages

__all__ = [
    "ImageDataset",
    "UnreadableImages",
    "decode",
    "decode_crop",
    "from_arrays",
    "from_csv",
    "from_dataset",
    "from_folder",
    "from_prepared",
    "from_source",
    "from_tfds",
    "from_tfrecords",
    "mean_image",
    "write_tfrecords",
]
