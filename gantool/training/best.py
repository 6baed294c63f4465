"""The best generator of a run, kept beside the final one."""

from __future__ import annotations

from gantool.machine.randomness import kept
from gantool.training.recorder import Recorder
from gantool.training.setup import Setup


def keep_if_best(setup: Setup, recorder: Recorder) -> None:
    """Score the generator of now on the validation split; keep it if none before was as good.

    A score that cannot be had costs a candidate, and is said.

    Raises:
        OSError: something could not be written.
    """
    trainer, folder, display = setup.trainer, setup.folder, recorder.display
    try:
        with recorder.paused(), kept(trainer.device), trainer.averaged() as model:
            chooser = setup.chooser(model, display)
            score = chooser.score(step=trainer.steps, averaged=bool(trainer.averages))
    except Exception as error:
        recorder.note("no candidate", f"{type(error).__name__}: {error}")
        display.say(f"step {trainer.steps} is no candidate for the best generator: {error}")
        return
    best = folder.best()
    if best is None or best.is_beaten_by(score):
        recorder.save_generator(folder.best_file)
    folder.add_scores([score])
