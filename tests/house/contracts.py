"""A contract of import-linter that needs no list of domains: whatever has a port is one."""

from importlinter.application.contract_utils import AlertLevel
from importlinter.contracts.independence import IndependenceContract
from importlinter.domain import fields
from importlinter.domain.contract import ContractCheck
from importlinter.domain.helpers import module_expressions_to_modules
from importlinter.domain.imports import ModuleExpression


class DomainsContract(IndependenceContract):
    """Rooms of different domains do not import each other, directly or through others.

    - `domains`: an expression such as `connectors.*.port`; what stands for `*` are the domains.
    - `room`: a module of each domain, such as `resolvers.{domain}`. Domains without it are passed over.
    """

    type_name = "domains"

    domains = fields.ModuleExpressionField()
    room = fields.StringField()
    modules = fields.SetField(subfield=fields.ModuleExpressionField(), required=False)
    ignore_imports = fields.SetField(subfield=fields.ImportExpressionField(), required=False)
    unmatched_ignore_imports_alerting = fields.EnumField(AlertLevel, default=AlertLevel.ERROR)
    broken_contract_guidance = fields.TextField(required=False)

    def check(self, graph, verbose: bool) -> ContractCheck:  # type: ignore[no-untyped-def]  # as the library has it
        place = self.domains.expression.split(".").index("*")
        found = {one.name.split(".")[place] for one in module_expressions_to_modules(graph, {self.domains})}
        rooms = [self.room.format(domain=one) for one in sorted(found)]
        self.modules = {ModuleExpression(room) for room in rooms if room in graph.modules}
        if len(self.modules) < 2:
            raise ValueError(f"{self.room}: fewer than two of these exist, so there is nothing to hold apart")
        return super().check(graph, verbose)
