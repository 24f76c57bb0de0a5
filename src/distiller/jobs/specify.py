"""From what a user asked for to what a job needs: checked, found, resolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distiller.analysis import record, tasks
from distiller.analysis.parameters import InvalidParameters
from distiller.core.errors import NotFound, PassingError, Unreachable, UserError
from distiller.core.sky import separation_deg
from distiller.jobs import cache, folders, inputs, notices, sent_files
from distiller.jobs.spec import JobSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from distiller.analysis.parameters import TaskParameters
    from distiller.analysis.products import InputDataset
    from distiller.core.errors import DistillerError
    from distiller.core.rights import Reader
    from distiller.core.settings import Settings
    from distiller.jobs.spec import Heritage
    from distiller.jobs.store import DatasetFinder, Resolver
    from distiller.vo.uws import Job


class Specifier:
    """Makes the specification of a job from its parameters.

    Parameters
    ----------
    resolver
        Finds positions of named targets; without one, ``target`` needs ra and dec.
    """

    def __init__(
        self, archive: DatasetFinder, settings: Settings, resolver: Resolver | None
    ) -> None:
        self._archive = archive
        self._settings = settings
        self._resolver = resolver

    def check(
        self, task: str, pairs: Iterable[tuple[str, str]], reader: Reader
    ) -> TaskParameters:
        """Return the parameters with the centre resolved; raises as `specify`."""
        parameters, _, _ = self._resolve(task, pairs, reader)
        return parameters

    def specify(self, job: Job, reader: Reader) -> JobSpec:
        """Return all that a job needs to run.

        Parameters
        ----------
        reader
            Whose rights count for its inputs.

        Raises
        ------
        InvalidParameters
            With every fault.
        NotFound, BadParameter, Forbidden
            Of a target or dataset.
        Unreachable
            If nobody could say where the target is.
        """
        task = tasks.task(job.task)
        parameters, datasets, heritage = self._resolve(job.task, job.parameters, reader)
        folder = folders.job_folder(self._settings, job.job_id)
        sent_files.require(folder, job.task, parameters)
        return JobSpec(
            job_id=job.job_id,
            task=task.name,
            task_version=task.version,
            owner=job.owner,
            parameters=parameters.model_dump(mode="json"),
            inputs=datasets,
            heritage=heritage,
            duration_s=job.execution_duration_s,
            memory_mb=self._settings.job_memory_mb,
            cpus=self._settings.job_cpus,
            cpu_s=job.execution_duration_s * self._settings.job_cpus,
            nice=self._settings.job_nice,
        )

    def key_of(self, spec: JobSpec) -> str | None:
        """Return the key of the product that a job makes with what is installed now.

        None if it cannot be known by one, see `cache.configuration_key`.
        """
        return cache.configuration_key(spec, spec.task_version, record.software())

    def _resolve(
        self, task: str, pairs: Iterable[tuple[str, str]], reader: Reader
    ) -> tuple[TaskParameters, tuple[InputDataset, ...], Heritage]:
        about = tasks.task(task)
        own = notices.without(pairs)
        parameters = about.parameters.from_pairs(task, own)
        faults: list[DistillerError] = []
        found = None
        try:
            found = inputs.resolve(
                self._archive,
                parameters.obs,
                reader,
                responses=about.needs_responses,
                optional=about.optional_responses if parameters.uses_responses else (),
            )
        except UserError as error:
            faults.append(error)
        try:
            parameters = _completed(task, self._centred(task, parameters))
        except (UserError, PassingError) as error:
            faults.append(error)
        if found is None or faults:
            raise _together(task, faults)
        datasets, heritage = found
        return parameters, datasets, heritage

    def _centred(self, task: str, parameters: TaskParameters) -> TaskParameters:
        """Return the parameters with a position that is not of another target."""
        target = parameters.target
        if target is None:
            return parameters
        if parameters.ra is None or parameters.dec is None:
            return parameters.resolved(*self._position(task, target))
        if self._resolver is None:
            return parameters
        try:
            ra_deg, dec_deg = self._resolver(target)
        except (UserError, PassingError):
            # A name that nobody knows is a label.
            return parameters
        away_deg = float(separation_deg(ra_deg, dec_deg, *parameters.centre_deg))
        if away_deg <= parameters.near_deg:
            return parameters
        fault = (
            f"{target} is at ra {ra_deg:.4f} dec {dec_deg:.4f}, {away_deg:.3g} deg "
            "from the ra and dec that are given; leave out one or the other, or "
            "write a label that is no other source"
        )
        raise InvalidParameters(task, (("target", fault),))

    def _position(self, task: str, target: str) -> tuple[float, float]:
        if self._resolver is None:
            fault = f"there is no name resolver here to find {target!r}"
            raise InvalidParameters(task, (("target", f"{fault}; give ra and dec"),))
        try:
            return self._resolver(target)
        except (NotFound, Unreachable) as error:
            kind = NotFound if isinstance(error, NotFound) else Unreachable
            hint = error.hint or "give ra and dec"
            raise kind(f"target: {error.message}", hint=hint) from error


def _completed(task: str, parameters: TaskParameters) -> TaskParameters:
    """Return parameters that say all by themselves; see `TaskParameters.completed`."""
    try:
        return parameters.completed()
    except ValueError as error:
        name, _, text = str(error).partition(": ")
        raise InvalidParameters(task, ((name, text),)) from error


def _together(task: str, faults: Sequence[DistillerError]) -> DistillerError:
    """Return one error that says all; each message begins with its parameter.

    Together they are the user's if one of them is: trying again would not help.
    """
    if len(faults) == 1:
        return faults[0]
    parts = (error.text.partition(": ") for error in faults)
    return InvalidParameters(task, tuple((name, text) for name, _, text in parts))
