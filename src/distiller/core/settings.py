"""Settings: ``HOME/distiller.toml``, each one also as ``DISTILLER_...``."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from distiller.core.errors import BadParameter
from distiller.core.job_settings import JobSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "distiller.toml"
DEFAULT_HOME = "distiller-home"
_AUTHORITY: Final = re.compile(r"[A-Za-z0-9][\w.~-]{2,}", re.ASCII)
_WORD: Final = r"^[a-z][a-z0-9-]*$"
_POSTGRES: Final = ("postgresql://", "postgres://")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(JobSettings, BaseSettings):
    """Everything that can be set. Environment beats file beats default."""

    model_config = SettingsConfigDict(
        env_prefix="DISTILLER_", frozen=True, extra="forbid"
    )

    home: Path = Field(
        default=Path(DEFAULT_HOME),
        description="Folder that holds the archive, the accounts, products and jobs.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL URL of the archive; without one it is embedded.",
    )
    database_read_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL URL for queries, of a user that may only read.",
    )
    model_dir: Path | None = Field(
        default=None,
        description="Folder of a changed data model; without one that of the program.",
    )
    authority: str = Field(
        default="distiller.invalid",
        description="IVOA authority of this site, the host part of its identifiers.",
    )
    site_title: str = Field(
        default="CTA Data Distiller", description="Name of the site on its pages."
    )
    contact: str = Field(
        default="", description="E-mail address of the operators, shown in the footer."
    )
    data_terms: str = Field(
        default="", description="Terms of use of the data, shown in the footer."
    )
    base_url: str = Field(
        default="http://127.0.0.1:8000",
        description="URL under which users reach this server: `https://` and a host of "
        "its own, since the site is at the root of its host.",
    )
    allowed_hosts: tuple[str, ...] = Field(
        default=("127.0.0.1", "localhost", "[::1]"),
        description="Host names that the server answers to, beside that of base_url.",
    )
    query_timeout_s: float = Field(
        default=60.0, gt=0, description="Longest run of one synchronous query, s."
    )
    query_rows_default: int = Field(
        default=10_000_000, ge=1, description="MAXREC where the user gives none, rows."
    )
    query_rows_max: int = Field(
        default=100_000_000, ge=1, description="Largest MAXREC, rows."
    )
    query_memory_mb: int = Field(
        default=1024, ge=64, description="Memory limit of the embedded database, MB."
    )
    ingest_memory_mb: int = Field(
        default=160,
        ge=64,
        description="The same while `distiller ingest` has the archive open, MB.",
    )
    query_spill_mb: int = Field(
        default=10_000,
        ge=64,
        description="Disk for intermediate rows of all queries, below the home, MB.",
    )
    answer_spool_mb: int = Field(
        default=10_000,
        ge=1,
        description="Disk for FITS, Parquet and answers that clients take slowly, "
        "below the home, MB.",
    )
    answer_grace_s: float = Field(
        default=0.01,
        ge=0,
        description="So long an answer waits for its first rows once the database has "
        "the query, so that what fails at once has a status of its own, s.",
    )
    answer_idle_s: float = Field(
        default=300.0,
        gt=0,
        description="After so long a client that takes nothing is given up, s.",
    )
    query_threads: int = Field(
        default=2, ge=1, description="Threads of the embedded database."
    )
    queries_at_once: int = Field(
        default=16, ge=1, description="Queries that run at once; further ones wait."
    )
    async_queries_at_once: int = Field(
        default=4,
        ge=1,
        description="Asynchronous queries that run at once beside those; jobs of "
        "analysis do not count. A quarter of the places, at least one of several, is "
        "kept from an owner who has the others.",
    )
    async_duration_s: int = Field(
        default=600,
        ge=1,
        description="Default executionDuration of an asynchronous query, s.",
    )
    async_duration_max_s: int = Field(
        default=7200,
        ge=1,
        description="Longest executionDuration of an asynchronous query, s.",
    )
    async_result_mb: int = Field(
        default=10_000,
        ge=1,
        description="Largest result of one asynchronous query, MB.",
    )
    async_results_mb: int = Field(
        default=100_000,
        ge=1,
        description="Disk for the results of all asynchronous queries, below the home, "
        "and as much for files that came with those which have not run, MB; of each "
        "one user, and all visitors without an account together, have a quarter at "
        "most, but always room for one.",
    )
    upload_mb: int = Field(
        default=100,
        ge=1,
        description="Largest request, and its uploaded tables together unpacked, MB.",
    )
    upload_rows: int = Field(
        default=1_000_000,
        ge=1,
        description="Rows of the uploaded tables of a query together.",
    )
    upload_url_timeout_s: float = Field(
        default=20.0,
        gt=0,
        description="Longest fetch of the uploaded tables of a query by URL, s.",
    )
    upload_url_private: bool = Field(
        default=False,
        description="Whether uploaded tables may be fetched from addresses of this "
        "machine, of base_url and of private networks.",
    )
    user_tables: int = Field(
        default=50, ge=0, description="Tables that a user may keep; 0 for none."
    )
    user_tables_mb: int = Field(
        default=500, ge=0, description="Their values together, for each user, MB."
    )
    user_tables_rows: int = Field(
        default=5_000_000, ge=0, description="Their rows together, for each user."
    )
    resolver_url: str = Field(
        default="https://cds.unistra.fr/cgi-bin/nph-sesame",
        description="Sesame name resolver; empty switches it off.",
    )
    resolver_timeout_s: float = Field(
        default=3.0, gt=0, description="Longest wait for the name resolver, s."
    )
    calib_levels: dict[str, int] = Field(
        default={"DL0": 0, "DL1": 1, "DL2": 1, "DL3": 1, "DL4": 3, "DL5": 3},
        description="ObsCore calib_level of each CTA data level.",
    )
    product_types: dict[str, Annotated[str, StringConstraints(pattern=_WORD)]] = Field(
        default={},
        description="Words of `dataproduct_type` in place of those of ObsCore 1.1, by "
        "product type; the High-Energy draft has `hea-event-list` for `event`.",
    )
    event_format: str = Field(
        default="application/fits",
        pattern=r"^[\w.+-]+/[\w.+-]+(;[ \w.+=-]+)*$",
        description="`access_format` of event lists in FITS, which a draft may want to "
        "be told from other FITS files.",
    )
    secret_key: str = Field(
        default="",
        description="Secret that signs sessions; made at first start where empty.",
    )
    debug: bool = Field(default=False, description="Show tracebacks on error pages.")

    @field_validator("database_url", "database_read_url", mode="after")
    @classmethod
    def _is_url(cls, given: SecretStr | None) -> SecretStr | None:
        """Take an empty text for none; refuse other databases, without a password."""
        text = "" if given is None else given.get_secret_value()
        if text and not text.startswith(_POSTGRES):
            message = "a URL of PostgreSQL begins with postgresql://"
            raise ValueError(message)
        return given if text else None

    @field_validator("authority", mode="after")
    @classmethod
    def _is_authority(cls, given: str) -> str:
        """Refuse what is no IVOA authority (IVOA Identifiers 2.0 section 2.3.2)."""
        if _AUTHORITY.fullmatch(given) is None:
            message = (
                f"{given!r} is no IVOA authority: three letters, digits, or any of "
                "._~- at least, the first a letter or digit, as in vhe.example.org"
            )
            raise ValueError(message)
        return given

    @field_validator("base_url", mode="after")
    @classmethod
    def _is_root(cls, given: str) -> str:
        """Refuse what is not the root of a web host; a last slash is left out."""
        try:
            parts = urlsplit(given)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            message = f"{given!r} is no URL: {error}"
            raise ValueError(message) from error
        if parts.scheme not in {"http", "https"} or not host or re.search(r"\s", given):
            message = f"{given!r} is no URL as https://archive.example.org is"
            raise ValueError(message)
        root = f"{parts.scheme}://{parts.netloc}"
        if given.removesuffix("/") != root or "@" in parts.netloc:
            message = f"the site is at the root of its host: not {given!r} but {root!r}"
            raise ValueError(message)
        return root

    @field_validator("model_dir", mode="before")
    @classmethod
    def _is_folder(cls, given: Any) -> Any:
        """Take an empty text for none; refuse what is no folder."""
        if given is None or not str(given):
            return None
        folder = Path(given).absolute()
        if not folder.is_dir():
            message = f"there is no folder {folder}"
            raise ValueError(message)
        return folder

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: program, environment, file."""
        del dotenv_settings, file_secret_settings
        home = init_settings().get("home") or _home_from_environment()
        file = TomlConfigSettingsSource(settings_cls, Path(home) / FILE_NAME)
        return init_settings, env_settings, file

    @property
    def is_local(self) -> bool:
        """Whether only this machine is served: embedded, and under its own address."""
        host = urlsplit(self.base_url).hostname
        return self.database_url is None and host in _LOOPBACK

    @property
    def archive_path(self) -> Path:
        """The embedded archive."""
        return self.home / "archive.duckdb"

    @property
    def backups_path(self) -> Path:
        """What archives were before they were upgraded."""
        return self.home / "backups"

    @property
    def collections_path(self) -> Path:
        """Settings files of collections, ``<collection>.toml``."""
        return self.home / "collections"

    @property
    def spool_path(self) -> Path:
        """Answers that wait until their clients take them."""
        return self.home / "spool"

    @property
    def uploads_path(self) -> Path:
        """Files of tables that users bring, while they are read."""
        return self.spool_path / "uploads"

    @property
    def accounts_path(self) -> Path:
        """Accounts, jobs, saved queries."""
        return self.home / "accounts.sqlite3"

    @property
    def files_path(self) -> Path:
        """Files of products that were made here."""
        return self.home / "files"

    @property
    def jobs_path(self) -> Path:
        """One folder per job."""
        return self.home / "jobs"

    @property
    def socket_path(self) -> Path:
        """Where the server of this home takes commands (mode 0600)."""
        return self.home / "control.sock"

    @property
    def secret_path(self) -> Path:
        """The secret key that was made at first start (mode 0600)."""
        return self.home / "secret.key"


def load_settings(home: Path | str | None = None, **given: Any) -> Settings:
    """Read the settings of a home folder.

    Parameters
    ----------
    home
        The folder; else ``DISTILLER_HOME``, else ``./distiller-home``.
    given
        Values that beat environment and file.

    Raises
    ------
    BadParameter
        Naming the setting and what is wrong with it.
    """
    folder = Path(home) if home is not None else _home_from_environment()
    try:
        return Settings(home=folder.absolute(), **given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        if not name:  # two settings that do not go together, which the words name
            hint = f"mend {folder / FILE_NAME} or the environment"
            raise BadParameter("settings", words, hint=hint) from error
        where = f"{folder / FILE_NAME} or DISTILLER_{name.upper()}"
        if first["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, Settings.model_fields, n=1)
            meant = f", did you mean {near[0]}?" if near else ""
            hint = f"mend {folder / FILE_NAME}{meant}"
            raise BadParameter(name, "there is no such setting", hint=hint) from error
        raise BadParameter(name, words, hint=f"set in {where}") from error
    except SettingsError as error:  # a list or table that is no JSON
        found = re.search(r'field "(\w+)" from source "Env', str(error))
        if found is None:
            raise BadParameter(FILE_NAME, str(error)) from error
        raise BadParameter(
            f"DISTILLER_{found[1].upper()}",
            "cannot be read",
            hint='lists and tables are JSON there: ["a.org", "b.org"]',
        ) from error
    except ValueError as error:  # TOML that cannot be parsed
        raise BadParameter(
            FILE_NAME, str(error), hint=f"mend {folder / FILE_NAME}"
        ) from error


def _home_from_environment(environment: Mapping[str, str] = os.environ) -> Path:
    return Path(environment.get("DISTILLER_HOME") or DEFAULT_HOME)
