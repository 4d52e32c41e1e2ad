"""The Python SDK: `Client`, `AsyncClient`, and the errors that they raise."""

from himalia.client.clients import AsyncClient, Client
from himalia.client.datasets import Dataset, DatasetFile, Version
from himalia.client.endpoints import AsyncEndpoint, Endpoint
from himalia.client.errors import HimaliaError
from himalia.client.experiments import AsyncExperiment, Experiment, Trial
from himalia.client.jobs import AsyncJob, Job
from himalia.client.models import Evaluation, Model, ModelVersion
from himalia.client.records import Member, OutputFile, Profile, Project, Secret, Series, Token
from himalia.client.workloads import Machine, Workload

__all__ = [
    "AsyncClient",
    "AsyncEndpoint",
    "AsyncExperiment",
    "AsyncJob",
    "Client",
    "Dataset",
    "DatasetFile",
    "Endpoint",
    "Evaluation",
    "Experiment",
    "HimaliaError",
    "Job",
    "Machine",
    "Member",
    "Model",
    "ModelVersion",
    "OutputFile",
    "Profile",
    "Project",
    "Secret",
    "Series",
    "Token",
    "Trial",
    "Version",
    "Workload",
]
