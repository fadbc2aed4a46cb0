"""The GraphQL documents of the benchmark by target and scenario; the id of the row is a variable."""

from __future__ import annotations

_SELECTIONS = {
    "graph3": """
      id name owner { id name } members(limit: 20) { role user { id name } }
      tasks(limit: 20) { id title status assignee { id name } }""",
    "graph5": """
      id name tasks(limit: 20) {
        title assignee { name memberships(limit: 20) { role project { name owner { name } } } }
      }
    """,
}
MONYNHA = {name: f"query ($id: ID!) {{ project(id: $id) {{ {selected} }} }}" for name, selected in _SELECTIONS.items()}
# Its data loaders contain the limit.
STRAWBERRY = {
    name: text.replace("members(limit: 20)", "members").replace("memberships(limit: 20)", "memberships")
    for name, text in MONYNHA.items()
}
# The fields that REST returns of a task, so that the two can be compared.
MONYNHA["graph1"] = """query ($id: ID!) { task(id: $id) {
  id projectId title description status priority assigneeId dueDate tags createdAt updatedAt
} }"""
POSTGRAPHILE = {
    "graph3": """query ($id: UUID!) { projectByRowId(rowId: $id) {
      rowId name userByOwnerId { rowId name }
      projectMembersByProjectId(first: 20) { nodes { role userByUserId { rowId name } } }
      tasksByProjectId(first: 20) {
        nodes { rowId title status projectMemberByProjectIdAndAssigneeId { userByUserId { rowId name } } }
      }
    } }""",
    "graph5": """query ($id: UUID!) { projectByRowId(rowId: $id) {
      rowId name tasksByProjectId(first: 20) { nodes {
        title projectMemberByProjectIdAndAssigneeId { userByUserId {
          name projectMembersByUserId(first: 20) {
            nodes { role projectByProjectId { name userByOwnerId { name } } }
          }
        } }
      } }
    } }""",
}
