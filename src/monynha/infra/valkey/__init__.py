"""Valkey: what may be lost. Limits that all replicas share, with a stand-in of each process."""

from monynha.infra.valkey.channels import Channels
from monynha.infra.valkey.connection import ValkeyAway
from monynha.infra.valkey.limiter import Allowance, Limiter, Window
from monynha.infra.valkey.valkey import Script, Valkey

__all__ = ["Allowance", "Channels", "Limiter", "Script", "Valkey", "ValkeyAway", "Window"]
