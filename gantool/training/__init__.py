"""From a request to a trained run: setup, the loop, the recorder."""
