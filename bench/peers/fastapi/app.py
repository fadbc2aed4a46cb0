"""The peer as it is usually written: FastAPI, SQLAlchemy's ORM, Pydantic, rights checked in code."""

import os
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID, uuid4

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ARRAY, ForeignKey, String, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(
    os.environ["PEER_DATABASE_URL"],
    pool_size=10,
    max_overflow=0,
    connect_args={"server_settings": {"role": os.environ["PEER_ROLE"], "jit": "off"}},
)
Session = async_sessionmaker(engine, expire_on_commit=False)
T = TypeVar("T")
SECRET = os.environ["PEER_SECRET"]


class Base(DeclarativeBase):
    pass


class Project(Base):
    __tablename__ = "projects"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]
    description: Mapped[str | None]
    owner_id: Mapped[UUID]
    status: Mapped[str]
    settings: Mapped[dict] = mapped_column(JSONB)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Member(Base):
    __tablename__ = "project_members"
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str]


class Task(Base):
    __tablename__ = "tasks"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    project_id: Mapped[UUID]
    title: Mapped[str]
    description: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="todo")
    priority: Mapped[str] = mapped_column(default="medium")
    assignee_id: Mapped[UUID | None]
    due_date: Mapped[datetime | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(String), default=list)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class ProjectOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    name: str
    description: str | None
    owner_id: UUID
    status: str
    settings: dict
    created_at: datetime
    updated_at: datetime


class TaskIn(BaseModel):
    title: str = Field(min_length=1, max_length=500)
    description: str | None = None
    status: str = "todo"
    priority: str = "medium"
    assignee_id: UUID | None = None
    due_date: datetime | None = None
    tags: list[str] = Field(default_factory=list, max_length=50)


class TaskOut(TaskIn):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    project_id: UUID
    created_at: datetime
    updated_at: datetime


class Envelope(BaseModel, Generic[T]):
    success: bool = True
    data: T


app = FastAPI()


async def session():
    async with Session() as made:
        yield made


def user_id(bearer: HTTPAuthorizationCredentials = Depends(HTTPBearer())) -> UUID:
    try:
        return UUID(jwt.decode(bearer.credentials, SECRET, ["HS256"], audience="authenticated")["sub"])
    except jwt.PyJWTError:
        raise HTTPException(401) from None


async def role_in(db: AsyncSession, project_id: UUID, user: UUID) -> str:
    member = await db.get(Member, (project_id, user))
    if member is None:
        raise HTTPException(404)
    return member.role


@app.get("/api/v1/projects")
async def projects(
    db: AsyncSession = Depends(session), user: UUID = Depends(user_id)
) -> Envelope[list[ProjectOut]]:
    mine = select(Member.project_id).where(Member.user_id == user)
    rows = await db.scalars(
        select(Project)
        .where(Project.id.in_(mine))
        .order_by(Project.created_at.desc(), Project.id.desc())
        .limit(20)
    )
    return Envelope(data=list(rows))


@app.get("/api/v1/projects/{project_id}/tasks")
async def tasks(
    project_id: UUID, limit: int = 20, db: AsyncSession = Depends(session), user: UUID = Depends(user_id)
) -> Envelope[list[TaskOut]]:
    await role_in(db, project_id, user)
    rows = await db.scalars(
        select(Task)
        .where(Task.project_id == project_id)
        .order_by(Task.created_at.desc(), Task.id.desc())
        .limit(limit)
    )
    return Envelope(data=list(rows))


@app.get("/api/v1/tasks/{task_id}")
async def task(
    task_id: UUID, db: AsyncSession = Depends(session), user: UUID = Depends(user_id)
) -> Envelope[TaskOut]:
    row = await db.get(Task, task_id)
    if row is None:
        raise HTTPException(404)
    await role_in(db, row.project_id, user)
    return Envelope(data=row)


@app.post("/api/v1/projects/{project_id}/tasks", status_code=201)
async def create_task(
    project_id: UUID, body: TaskIn, db: AsyncSession = Depends(session), user: UUID = Depends(user_id)
) -> Envelope[TaskOut]:
    if await role_in(db, project_id, user) == "viewer":
        raise HTTPException(403)
    row = Task(project_id=project_id, **body.model_dump())
    db.add(row)
    await db.commit()
    await db.refresh(row)
    return Envelope(data=row)
