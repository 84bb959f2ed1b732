"""All checks, in the order in which they run: importing a module registers its checks."""

# isort: off
from . import sequence
from . import addresses
from . import content
from . import methods
from . import programs
from . import configurations
from . import clients
from . import load
# isort: on

from .checks import CHECKS

MODULES = [sequence, addresses, content, methods, programs, configurations, clients, load]
__all__ = ["CHECKS", "MODULES"]
