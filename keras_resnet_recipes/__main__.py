"""`python -m keras_resnet_recipes` is the command `krr`."""

from keras_resnet_recipes.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
