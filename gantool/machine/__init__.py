"""The machine: devices, the processes of a run, random streams, signals, the terminal."""
