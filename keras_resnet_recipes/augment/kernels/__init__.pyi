from . import boxes as boxes
from . import by_name as by_name
from . import color as color
from . import geometry as geometry
from . import mixing as mixing
from . import packing as packing
from . import resize as resize
