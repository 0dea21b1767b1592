"""A `StoreSession` is the only way to the data. Operations are handed one; they cannot make one."""

from __future__ import annotations

from .access import AccessRows
from .accounts import Accounts
from .attachments import Attachments
from .chains import Chains
from .events import Events
from .groups import Groups
from .inline import Inline
from .keys import Keys
from .login_profiles import LoginProfiles
from .memberships import Memberships
from .policies import Policies
from .principals import PrincipalTexts
from .roles import Roles
from .sessions import Sessions
from .statements import Statements
from .throttles import Throttles
from .users import Users


class StoreSession:
    """Everything that can be read and changed, in one transaction or, for reading, statement by statement."""

    def __init__(self, statements: Statements) -> None:
        self.accounts = Accounts(statements)
        self.users = Users(statements)
        self.groups = Groups(statements)
        self.roles = Roles(statements)
        self.policies = Policies(statements)
        self.memberships = Memberships(statements)
        self.attachments = Attachments(statements, self.users, self.groups, self.roles)
        self.inline = Inline(statements)
        self.keys = Keys(statements)
        self.login_profiles = LoginProfiles(statements)
        self.sessions = Sessions(statements)
        self.events = Events(statements)
        self.chains = Chains(statements)
        self.access = AccessRows(statements)
        self.principals = PrincipalTexts(statements)
        self.throttles = Throttles(statements)
