"""The conformance checks that a plugin's author runs.

`gantool check MODEL` runs them, or `check_model` in a test. Every check trains a few steps on the
CPU, on small made-up data, and a failure says what to mend.
"""

from gantool.testing.results import CheckResult, Fault, faults_in
from gantool.testing.run import check_model, run_checks

__all__ = ["CheckResult", "Fault", "check_model", "faults_in", "run_checks"]
