from . import boxes as boxes
from . import color as color
from . import geometry as geometry
from . import mixing as mixing
from . import operations as operations
from . import packing as packing
from . import resize as resize
