"""A tuning seen through to its end: queued, run here or followed, and printed."""

from __future__ import annotations

from collections.abc import Callable

from tsexplorer.analysis.formatting import percent
from tsexplorer.cli.output import print_json, say
from tsexplorer.cli.progress import View, doing
from tsexplorer.cli.run_job import CtrlC, see_through
from tsexplorer.cli.sweep_progress import many_reporter, plain_table
from tsexplorer.cli.tune_results import document, print_tune, table
from tsexplorer.services.service import Service
from tsexplorer.services.tunings import TuneFigures
from tsexplorer.store import JobSnapshot
from tsexplorer.studies.tuning.suggestion import setting_in_words


def see_tune_through(service: Service, take: Callable[[], JobSnapshot], *, json: bool) -> None:
    """Queue a tuning's job, see it through and print what came of it.

    Raises:
        UserError: ``take`` says no.
        Ending: it was not done; says why, and how to go on.
    """
    with CtrlC() as interrupt:
        job = take()
        tune = service.tuning.one(job.experiment_id)
        say(f'Running the tuning "{tune.name}" as job {job.id}.')
        with many_reporter(
            lambda: service.tuning.figures(tune.id), where, lambda known: plain_table(*table(known))
        ) as shown:
            see_through(service, job, shown, interrupt)
    figures, importances = service.tuning.figures(tune.id), service.tuning.importances(tune.id)
    if json:
        print_json(document(figures, importances))
    else:
        print_tune(figures, importances)


def where(view: View, figures: TuneFigures) -> str:
    """A tuning under way in words: trials, the best so far, time left."""
    tune, best = figures.tune.spec, figures.best
    over = figures.count("done") + figures.count("pruned")
    words = [f"{over} of {tune.trials} trials ({figures.count('pruned')} given up)"]
    if figures.repeating:
        words.append("the best are repeated")
    if best is not None:
        setting = setting_in_words(best.setting, tune)
        words.append(f"best so far {setting}, validation {percent(best.accuracy)}")
    progress = view.standing.progress
    if progress is not None:
        teacher = progress.stage in {one.spec.hash for one in tune.before}
        words.append(("the teacher: " if teacher else "") + doing(progress, view.status))
    return ", ".join(words)
