# SPDX-License-Identifier: MIT OR Apache-2.0
"""The real client in this process: azure-cli's security-domain commands, without a service."""

import json
from pathlib import Path

from azure.cli.command_modules.keyvault import custom


def restore_blob(domain: Path, transfer: Path, keys: list, out: Path, passwords=None):
    """`az keyvault security-domain restore-blob`."""
    custom.security_domain_restore_blob(
        str(domain), str(transfer), [str(key) for key in keys], str(out), passwords
    )


def init_recovery(transfer_key: str, out: Path):
    """`az keyvault security-domain init-recovery` against a service that answers `transfer_key`."""

    class Service:
        @staticmethod
        def get_transfer_key():
            return json.loads(transfer_key)

    custom.security_domain_init_recovery(Service, str(out))


def download(certificates: list, quorum: int, domain: str, out: Path) -> dict:
    """`az keyvault security-domain download` against a service that answers the file `domain`.

    Returns the request's body.
    """
    requests = []

    class Answer:
        value = domain

    class Poller:
        @staticmethod
        def result():
            return Answer

        @staticmethod
        def status():
            return "Succeeded"

    class Service:
        @staticmethod
        def begin_download(certificate_info, **_):
            requests.append(certificate_info)
            return Poller

        @staticmethod
        def get_download_status():
            return {"status": "Success"}

    custom.security_domain_download(
        Service, [str(certificate) for certificate in certificates], str(out), quorum
    )
    (request,) = requests
    return request
