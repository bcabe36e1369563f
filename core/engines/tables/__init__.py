"""The tables of a store and all that is asked of them: plain functions of a connection, the same for every engine."""
