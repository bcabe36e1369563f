"""The core: values, seams, the engine, the turn. It knows no messenger, no model vendor and no tool."""
