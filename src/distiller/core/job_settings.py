"""Settings of jobs: how many, how long, where they run, who is told of their end."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

_NOTICES: Final = {"smtp_url": ("smtp", "smtps"), "webhook_url": ("https", "http")}
_SSH_PLACE: Final = r"^([A-Za-z0-9_][\w.+-]*@)?[A-Za-z0-9][\w.:-]*$|^$"

JobEngineName = Literal["local", "slurm"]
"""What runs analysis jobs: this machine, or a batch system."""


class JobSettings(BaseModel):
    """The part of `distiller.core.settings.Settings` that is about jobs."""

    jobs_at_once: int = Field(
        default=2, ge=1, description="Analysis jobs that run at once on this machine."
    )
    jobs_at_once_per_user: int = Field(
        default=0,
        ge=0,
        description="Most of those of one user; 0 for all but a quarter of them.",
    )
    jobs_per_user: int = Field(
        default=100, ge=1, description="Jobs a user may have waiting or running."
    )
    job_duration_s: int = Field(
        default=600, ge=1, description="Default executionDuration of a job, s."
    )
    job_duration_max_s: int = Field(
        default=7200, ge=1, description="Longest executionDuration of a job, s."
    )
    job_memory_mb: int = Field(
        default=4096, ge=256, description="Memory limit of a job, MB."
    )
    job_cpus: int = Field(
        default=1,
        ge=1,
        description="Processor cores of a job, and so often its executionDuration is "
        "the CPU time that it may use.",
    )
    job_nice: int = Field(
        default=10,
        ge=0,
        le=19,
        description="By how much the priority of jobs is below that of the server, so "
        "that pages answer while jobs keep every core busy.",
    )
    job_keep_days: float = Field(
        default=30.0, gt=0, description="Days until a job is destroyed by default."
    )
    products_mb_per_user: int = Field(
        default=0,
        ge=0,
        description="Disk for the products of one user, and for those of all visitors "
        "without an account together, MB; who has more starts no further job. 0 for "
        "no limit.",
    )
    job_file_mb: int = Field(
        default=50,
        ge=1,
        description="Largest file that is sent along with an analysis job, MB; no "
        "request has more than `upload_mb`.",
    )
    job_files_mb: int = Field(
        default=2000,
        ge=1,
        description="Disk for such files of all jobs together, MB; where it is full, "
        "those of jobs that have ended go. Of one user, and of all visitors without an "
        "account together, those of jobs that have not ended take a quarter at most.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Mail server for notices at the end of jobs, "
        "`smtp://[user:password@]host[:port]` (STARTTLS where the server has it) or "
        "`smtps://`; without one no mail is sent.",
    )
    mail_from: str = Field(default="", description="Sender of those e-mails.")
    webhook_url: SecretStr | None = Field(
        default=None,
        description="URL of the operators that is told of the end of jobs which ask "
        "for it (POST, JSON).",
    )
    previews: bool = Field(
        default=True,
        description="Whether whoever runs the jobs also makes the quick look of each "
        "dataset, while no job waits.",
    )
    engine: JobEngineName = Field(
        default="local",
        description="What runs analysis jobs: `local`, this machine, or `slurm`, a "
        "batch system.",
    )
    engine_by_task: dict[str, JobEngineName] = Field(
        default={},
        description='The same for single tasks, before all else: `{spectrum="slurm"}`.',
    )
    slurm_from_runs: int = Field(
        default=0,
        ge=0,
        description="Jobs of other tasks with so many runs or more go to Slurm; 0 for "
        "none.",
    )
    slurm_jobs_at_once: int = Field(
        default=100,
        ge=1,
        description="Analysis jobs that run or wait in Slurm at once.",
    )
    slurm_partition: str = Field(
        default="",
        pattern=r"^[\w.,+-]*$",
        description="Partition of Slurm; empty for its default.",
    )
    slurm_options: tuple[Annotated[str, StringConstraints(pattern="^--")], ...] = Field(
        default=(),
        description="Further options of `sbatch`, such as `--account=vhe`.",
    )
    slurm_python: str = Field(
        default="",
        description="Python with this program on the machines of Slurm; empty for the "
        "path of the one that runs here.",
    )
    slurm_ssh: str = Field(
        default="",
        pattern=_SSH_PLACE,
        description="`user@host` where the commands of Slurm are given, by ssh; empty "
        "for here.",
    )
    slurm_ssh_options: tuple[str, ...] = Field(
        default=(), description='Options of that ssh, such as `["-i", "/etc/key"]`.'
    )
    slurm_look_s: float = Field(
        default=10.0,
        gt=0,
        description="How often Slurm is asked for its jobs, s; most is seen on disk.",
    )
    runner: Literal["embedded", "external"] = Field(
        default="embedded",
        description="Whether `serve` runs the jobs itself or `distiller runner` does.",
    )

    @field_validator("smtp_url", "webhook_url", mode="after")
    @classmethod
    def _is_place_of_notices(
        cls, given: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        """Take an empty text for none; refuse what is no such URL, unseen."""
        text = "" if given is None else given.get_secret_value()
        schemes = _NOTICES[str(info.field_name)]
        if text:
            try:
                parts = urlsplit(text)
                good = parts.scheme in schemes and parts.hostname and parts.port != 0
            except ValueError:
                good = False
            if not good:
                message = f"it is no URL as {schemes[0]}://host.example.org is"
                raise ValueError(message)
        return given if text else None

    @model_validator(mode="after")
    def _has_sender(self) -> Self:
        """Refuse a mail server without an address that mails come from."""
        if self.smtp_url is not None and "@" not in self.mail_from:
            message = "mail_from must be an e-mail address where smtp_url is set"
            raise ValueError(message)
        return self
