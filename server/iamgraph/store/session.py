"""A `StoreSession` is the only way to the data. Operations are handed one; they cannot make one."""

from __future__ import annotations

from functools import cached_property

from .access import AccessRows
from .accounts import Accounts
from .agents import Agents
from .attachments import Attachments
from .budgets import Budgets
from .chains import Chains
from .events import Events
from .groups import Groups
from .guardrails import Guardrails
from .inline import Inline
from .instance_profiles import InstanceProfiles
from .keys import Keys
from .login_profiles import LoginProfiles
from .mapping_rules import MappingRulesOfProviders
from .memberships import Memberships
from .mfa_devices import MfaDevices
from .oidc_clients import OidcClients, OidcLogins, SignInFlows
from .oidc_providers import OidcProviders
from .passkeys import Passkeys
from .policies import Policies
from .principals import PrincipalTexts
from .reports import Reports
from .roles import Roles
from .saml_assertions import SamlAssertions
from .saml_providers import SamlProviders
from .sealed import Sealed
from .services import Services
from .sessions import Sessions
from .sign_in_attempts import SignInAttempts
from .statements import Statements
from .throttles import Throttles
from .users import Users
from .uses import Uses


class StoreSession:
    """Everything that can be read and changed, in one transaction or, for reading, statement by statement. A part is made
    when it is first asked for: a request needs two or three of them."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements

    accounts = cached_property(lambda self: Accounts(self._statements))
    users = cached_property(lambda self: Users(self._statements))
    groups = cached_property(lambda self: Groups(self._statements))
    roles = cached_property(lambda self: Roles(self._statements))
    instance_profiles = cached_property(lambda self: InstanceProfiles(self._statements, self.roles))
    agents = cached_property(lambda self: Agents(self._statements, self.instance_profiles))
    policies = cached_property(lambda self: Policies(self._statements))
    memberships = cached_property(lambda self: Memberships(self._statements))
    attachments = cached_property(lambda self: Attachments(self._statements, self.users, self.groups, self.roles))
    inline = cached_property(lambda self: Inline(self._statements))
    guardrails = cached_property(lambda self: Guardrails(self._statements))
    services = cached_property(lambda self: Services(self._statements))
    uses = cached_property(lambda self: Uses(self._statements))
    keys = cached_property(lambda self: Keys(self._statements))
    mfa_devices = cached_property(lambda self: MfaDevices(self._statements))
    sign_in_attempts = cached_property(lambda self: SignInAttempts(self._statements))
    mapping_rules = cached_property(lambda self: MappingRulesOfProviders(self._statements))
    oidc_providers = cached_property(lambda self: OidcProviders(self._statements))
    saml_providers = cached_property(lambda self: SamlProviders(self._statements))
    passkeys = cached_property(lambda self: Passkeys(self._statements))
    saml_assertions = cached_property(lambda self: SamlAssertions(self._statements))
    oidc_clients = cached_property(lambda self: OidcClients(self._statements))
    oidc_logins = cached_property(lambda self: OidcLogins(self._statements))
    sign_in_flows = cached_property(lambda self: SignInFlows(self._statements))
    login_profiles = cached_property(lambda self: LoginProfiles(self._statements))
    reports = cached_property(lambda self: Reports(self._statements))
    sessions = cached_property(lambda self: Sessions(self._statements))
    sealed = cached_property(lambda self: Sealed(self._statements))
    events = cached_property(lambda self: Events(self._statements))
    chains = cached_property(lambda self: Chains(self._statements))
    access = cached_property(lambda self: AccessRows(self._statements))
    principals = cached_property(lambda self: PrincipalTexts(self._statements))
    throttles = cached_property(lambda self: Throttles(self._statements))
    budgets = cached_property(lambda self: Budgets(self._statements))
