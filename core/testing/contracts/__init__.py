"""What holds for every adapter, provider, plugin and engine, as tests that any repository can run over its own.

Each contract is a class of tests; what it is run over is a rig: the implementation, and what a test has to see and do
around it. A subclass in a test file says how its rig is made, and pytest does the rest::

    from core.testing.contracts.adapter import AdapterContract

    class TestMine(AdapterContract):
        @asynccontextmanager
        async def open_rig(self, folder: Path) -> AsyncGenerator[AdapterRig, None]:
            async with spec.open(bot_site(folder, "mine"), Settings()) as adapter:
                yield MyRig(adapter)

The tests are coroutines: set ``asyncio_mode = "auto"`` for pytest-asyncio, or give the class
``pytestmark = pytest.mark.asyncio``. Both packages come with the extra ``waystation[testing]``; nothing of the program
itself imports this package.
"""

import pytest

_MODULES = ("adapter", "delivering", "engine", "plugin", "provider")

# So that a test that fails shows the values, also where this is installed.
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in _MODULES))
