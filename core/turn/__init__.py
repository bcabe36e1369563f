"""The turn: what the assistant makes of the events that wait in one lane."""
