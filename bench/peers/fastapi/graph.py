"""The peer's GraphQL as it is usually written: Strawberry with data loaders over the same ORM."""

from collections import defaultdict
from uuid import UUID

import strawberry
from app import Member, Project, Session, Task, app, user_id
from app import Base
from fastapi import Depends
from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column
from strawberry.dataloader import DataLoader
from strawberry.fastapi import GraphQLRouter
from strawberry.types import Info


class User(Base):
    __tablename__ = "users"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]


async def one_by_key(model, column, keys):
    async with Session() as db:
        rows = {getattr(row, column): row for row in await db.scalars(select(model).where(getattr(model, column).in_(keys)))}
    return [rows.get(key) for key in keys]


async def many_by_key(model, column, keys, order, limit):
    # One statement for all keys: row numbers keep the limit per parent.
    from sqlalchemy import func
    from sqlalchemy.orm import aliased

    ranked = select(
        model, func.row_number().over(partition_by=getattr(model, column), order_by=order).label("place")
    ).where(getattr(model, column).in_(keys)).subquery()
    found = defaultdict(list)
    async with Session() as db:
        entity = aliased(model, ranked)
        for row in await db.scalars(select(entity).where(ranked.c.place <= limit)):
            found[getattr(row, column)].append(row)
    return [found[key] for key in keys]


def loaders():
    return {
        "user": DataLoader(lambda keys: one_by_key(User, "id", keys)),
        "project": DataLoader(lambda keys: one_by_key(Project, "id", keys)),
        "members": DataLoader(lambda keys: many_by_key(Member, "project_id", keys, Member.user_id.desc(), 20)),
        "memberships": DataLoader(lambda keys: many_by_key(Member, "user_id", keys, Member.project_id.desc(), 20)),
        "tasks": DataLoader(lambda keys: many_by_key(Task, "project_id", keys, Task.created_at.desc(), 20)),
    }


@strawberry.type
class UserType:
    row: strawberry.Private[object]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return str(self.row.id)

    @strawberry.field
    def name(self) -> str:
        return self.row.name

    @strawberry.field
    async def memberships(self, info: Info) -> list["MemberType"]:
        return [MemberType(row=row) for row in await info.context["memberships"].load(self.row.id)]


@strawberry.type
class MemberType:
    row: strawberry.Private[object]

    @strawberry.field
    def role(self) -> str:
        return self.row.role

    @strawberry.field
    async def user(self, info: Info) -> UserType:
        return UserType(row=await info.context["user"].load(self.row.user_id))

    @strawberry.field
    async def project(self, info: Info) -> "ProjectType":
        return ProjectType(row=await info.context["project"].load(self.row.project_id))


@strawberry.type
class TaskType:
    row: strawberry.Private[object]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return str(self.row.id)

    @strawberry.field
    def title(self) -> str:
        return self.row.title

    @strawberry.field
    def status(self) -> str:
        return self.row.status

    @strawberry.field
    async def assignee(self, info: Info) -> UserType | None:
        if self.row.assignee_id is None:
            return None
        return UserType(row=await info.context["user"].load(self.row.assignee_id))


@strawberry.type
class ProjectType:
    row: strawberry.Private[object]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return str(self.row.id)

    @strawberry.field
    def name(self) -> str:
        return self.row.name

    @strawberry.field
    async def owner(self, info: Info) -> UserType:
        return UserType(row=await info.context["user"].load(self.row.owner_id))

    @strawberry.field
    async def members(self, info: Info) -> list[MemberType]:
        return [MemberType(row=row) for row in await info.context["members"].load(self.row.id)]

    @strawberry.field
    async def tasks(self, info: Info, limit: int = 20) -> list[TaskType]:
        return [TaskType(row=row) for row in await info.context["tasks"].load(self.row.id)]


@strawberry.type
class Query:
    @strawberry.field
    async def project(self, info: Info, id: strawberry.ID) -> ProjectType | None:
        async with Session() as db:
            if await db.get(Member, (UUID(id), info.context["me"])) is None:
                return None
            return ProjectType(row=await db.get(Project, UUID(id)))


async def context(me: UUID = Depends(user_id)):
    return {"me": me, **loaders()}


app.include_router(GraphQLRouter(strawberry.Schema(Query), context_getter=context), prefix="/graphql")
