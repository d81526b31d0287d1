"""From a recipe and a data set to batches of NumPy arrays, on every backend.

    order        the order of images in an epoch, and their assignment to devices
    sample       cropping and augmentation of one image
    training     training batches
    evaluation   evaluation batches, in all views
    keras_layers Keras layers as augmentations
    snapshots    the first batch after each ingredient, for inspection
    keras_data   batches in the form that Keras takes

A batch is a pure function of recipe, data, seed, epoch and step: it does not depend on the number of threads, nor on
where a run was resumed.
"""
