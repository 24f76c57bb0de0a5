"""A product as if a job of this site had made it; nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from tests.jobs import made_products

from distiller.analysis import record
from distiller.core.rights import NOBODY, Reader
from distiller.jobs import folders
from distiller.jobs.registration import bundle, product_id
from distiller.jobs.spec import JobSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distiller.archive import Archive
    from distiller.core.settings import Settings


def file_product(
    service: Any,
    archive: Archive,
    home: Settings,
    pairs: Iterable[tuple[str, str]],
    who: Reader = NOBODY,
    kind: str = "count_map",
) -> str:
    """File what a count map of these parameters makes; return the id of its product.

    Parameters
    ----------
    kind
        Which of `made_products` it is said to have made.
    """
    job = service.submit("count_map", pairs, who, fresh=True)
    spec = JobSpec.read(service._store.spec(job.job_id))
    product = made_products.PRODUCTS[kind]
    folder = folders.product_folder(home, spec.task, job.job_id)
    made_products.write(product, folder)
    text = yaml.safe_dump({"task_version": spec.task_version} | _software())
    (folder / "configuration.yaml").write_text(text)
    archive.store(bundle(spec, product, made_products.end(product), folder, home))
    service._store.delete(job.job_id)
    return product_id(job.job_id)


def _software() -> dict[str, Any]:
    return {"software": record.software()}
