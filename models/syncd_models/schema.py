"""Tables as plain data and SQLite text. Made by ``python -m syncd.stores.generate``; do not edit."""

from typing import NamedTuple


class Table(NamedTuple):
    """A table's column names in order, and those of its primary key."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


VERSION = 2

TABLES = {
    'achievements': Table(
        'achievements',
        ('id', 'agent_id', 'name', 'description', 'xp', 'earned_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'automation_candidates': Table(
        'automation_candidates',
        ('id', 'pattern_description', 'occurrence_count', 'sample_commands', 'confidence_score', 'is_automated', 'agent_id', 'approved_by_user', 'approved_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'campaigns': Table(
        'campaigns',
        ('id', 'name', 'type', 'owner', 'status', 'channels', 'deliverables', 'metrics', 'start_date', 'end_date', 'created_at', 'updated_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'changes': Table(
        'changes',
        ('seq', 'at', 'bundle', 'path', 'generation', 'table_name', 'row_id', 'op', 'before', 'after', 'cause'),
        ('seq',),
    ),
    'content': Table(
        'content',
        ('id', 'title', 'type', 'status', 'author', 'campaign_id', 'word_count', 'seo_score', 'file_path', 'published_url', 'created_at', 'published_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'daemons': Table(
        'daemons',
        ('host', 'pid', 'version', 'started_at', 'beat_at', 'phase', 'watch_mode', 'lag_p50_ms', 'lag_p95_ms', 'lag_p99_ms', 'lag_max_ms', 'dirty', 'overflows', 'restarts', 'uncovered'),
        ('host', 'pid'),
    ),
    'experiments': Table(
        'experiments',
        ('id', 'name', 'description', 'status', 'success_metric', 'target_value', 'current_value', 'sample_size', 'consecutive_failures', 'decision', 'decision_reason', 'decided_at', 'created_at', 'updated_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'file_versions': Table(
        'file_versions',
        ('workspace', 'path', 'generation', 'sha256', 'applied_at', 'lag_ms'),
        ('workspace', 'path', 'generation'),
    ),
    'files': Table(
        'files',
        ('workspace', 'path', 'size', 'mtime_ns', 'ctime_ns', 'inode', 'sha256', 'version', 'state', 'generation', 'notes', 'facts'),
        ('workspace', 'path'),
    ),
    'integrations': Table(
        'integrations',
        ('id', 'type', 'platform', 'name', 'brand', 'is_active', 'has_credentials', 'config', 'managed_by', 'last_connected_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'leads': Table(
        'leads',
        ('id', 'source', 'contact_name', 'contact_email', 'company', 'status', 'score', 'assigned_to', 'notes', 'created_at', 'updated_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'lessons_learned': Table(
        'lessons_learned',
        ('id', 'category', 'title', 'description', 'source', 'times_encountered', 'is_automated', 'automated_via', 'created_at', 'last_encountered_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'llm_usage': Table(
        'llm_usage',
        ('id', 'task_id', 'model', 'input_tokens', 'output_tokens', 'cost_usd', 'duration_ms', 'used_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'metrics': Table(
        'metrics',
        ('id', 'entity_type', 'entity_id', 'metric_name', 'metric_value', 'context', 'recorded_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'patterns': Table(
        'patterns',
        ('id', 'pattern_type', 'description', 'detection_count', 'confidence_score', 'status', 'action_taken', 'first_detected_at', 'last_detected_at', 'actioned_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'quarantine': Table(
        'quarantine',
        ('workspace', 'path', 'sha256', 'reason', 'line', 'column', 'excerpt', 'first_seen'),
        ('workspace', 'path'),
    ),
    'racy_files': Table(
        'racy_files',
        ('workspace', 'path'),
        ('workspace', 'path'),
    ),
    'repositories': Table(
        'repositories',
        ('id', 'name', 'path', 'github_url', 'team_id', 'is_active', 'last_synced_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'rewards': Table(
        'rewards',
        ('id', 'entity_type', 'entity_id', 'reward_value', 'reason', 'issued_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'runs': Table(
        'runs',
        ('kind', 'started_at', 'ended_at', 'result'),
        ('kind',),
    ),
    'snapshots': Table(
        'snapshots',
        ('table_name', 'row_id', 'epoch', 'state'),
        ('table_name', 'row_id', 'epoch'),
    ),
    'teams': Table(
        'teams',
        ('id', 'name', 'domain', 'description', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'user_commands': Table(
        'user_commands',
        ('id', 'command_text', 'normalized_intent', 'team', 'model', 'priority_file', 'branch_name', 'executed_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'workspaces': Table(
        'workspaces',
        ('name', 'root', 'device', 'inode', 'bound_at'),
        ('name',),
    ),
    'agents': Table(
        'agents',
        ('id', 'team_id', 'name', 'role', 'emoji', 'llm_preference', 'is_active', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'sessions': Table(
        'sessions',
        ('id', 'workspace', 'team_id', 'parent_id', 'status', 'status_raw', 'phase', 'target_repo', 'priority_file', 'prd_file', 'branch_name', 'base_branch', 'pr_url', 'iteration_count', 'exit_code', 'error_message', 'purpose', 'tags', 'started_at', 'completed_at', 'updated_at', 'duration_seconds', 'archived_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'blockers': Table(
        'blockers',
        ('id', 'session_id', 'task_id', 'position', 'type', 'message', 'requires_human', 'requires_agent', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'concerns': Table(
        'concerns',
        ('id', 'session_id', 'task_id', 'position', 'severity', 'message', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'deliverables': Table(
        'deliverables',
        ('id', 'session_id', 'task_id', 'position', 'type', 'title', 'file', 'details', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'messages': Table(
        'messages',
        ('id', 'session_id', 'task_id', 'position', 'recipient', 'content', 'content_length', 'sent_at', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'next_steps': Table(
        'next_steps',
        ('id', 'session_id', 'task_id', 'position', 'agent', 'action', 'priority', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'task_items': Table(
        'task_items',
        ('id', 'session_id', 'task_id', 'item_id', 'position', 'description', 'status', 'duration_seconds', 'source_path', 'synced_rev'),
        ('id',),
    ),
    'tasks': Table(
        'tasks',
        ('id', 'session_id', 'agent_id', 'description', 'status', 'status_raw', 'priority', 'llm_used', 'llm_family', 'started_at', 'completed_at', 'updated_at', 'duration_seconds', 'error_message', 'retry_count', 'source_path', 'synced_rev'),
        ('id',),
    ),
}

SQLITE = (
    """CREATE TABLE achievements (
	id VARCHAR NOT NULL, 
	agent_id VARCHAR, 
	name VARCHAR, 
	description VARCHAR, 
	xp INTEGER, 
	earned_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE automation_candidates (
	id VARCHAR NOT NULL, 
	pattern_description VARCHAR, 
	occurrence_count INTEGER, 
	sample_commands VARCHAR, 
	confidence_score FLOAT, 
	is_automated BOOLEAN, 
	agent_id VARCHAR, 
	approved_by_user BOOLEAN, 
	approved_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE campaigns (
	id VARCHAR NOT NULL, 
	name VARCHAR, 
	type VARCHAR, 
	owner VARCHAR, 
	status VARCHAR, 
	channels VARCHAR, 
	deliverables VARCHAR, 
	metrics VARCHAR, 
	start_date DATETIME, 
	end_date DATETIME, 
	created_at DATETIME, 
	updated_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE changes (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	at DATETIME NOT NULL, 
	bundle VARCHAR NOT NULL, 
	path VARCHAR, 
	generation INTEGER, 
	table_name VARCHAR, 
	row_id VARCHAR, 
	op VARCHAR NOT NULL, 
	"before" VARCHAR, 
	"after" VARCHAR, 
	cause VARCHAR NOT NULL, 
	CONSTRAINT ck_op CHECK (op IN ('r', 'c', 'u', 'd'))
)""",
    """CREATE TABLE content (
	id VARCHAR NOT NULL, 
	title VARCHAR, 
	type VARCHAR, 
	status VARCHAR, 
	author VARCHAR, 
	campaign_id VARCHAR, 
	word_count INTEGER, 
	seo_score FLOAT, 
	file_path VARCHAR, 
	published_url VARCHAR, 
	created_at DATETIME, 
	published_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE daemons (
	host VARCHAR NOT NULL, 
	pid INTEGER NOT NULL, 
	version VARCHAR NOT NULL, 
	started_at DATETIME NOT NULL, 
	beat_at DATETIME NOT NULL, 
	phase VARCHAR NOT NULL, 
	watch_mode VARCHAR NOT NULL, 
	lag_p50_ms FLOAT, 
	lag_p95_ms FLOAT, 
	lag_p99_ms FLOAT, 
	lag_max_ms FLOAT, 
	dirty INTEGER NOT NULL, 
	overflows INTEGER NOT NULL, 
	restarts INTEGER NOT NULL, 
	uncovered VARCHAR, 
	PRIMARY KEY (host, pid)
)""",
    """CREATE TABLE experiments (
	id VARCHAR NOT NULL, 
	name VARCHAR, 
	description VARCHAR, 
	status VARCHAR, 
	success_metric VARCHAR, 
	target_value FLOAT, 
	current_value FLOAT, 
	sample_size INTEGER, 
	consecutive_failures INTEGER, 
	decision VARCHAR, 
	decision_reason VARCHAR, 
	decided_at DATETIME, 
	created_at DATETIME, 
	updated_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE file_versions (
	workspace VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	generation INTEGER NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	applied_at DATETIME, 
	lag_ms FLOAT, 
	PRIMARY KEY (workspace, path, generation)
)
 WITHOUT ROWID""",
    """CREATE TABLE files (
	workspace VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	size BIGINT NOT NULL, 
	mtime_ns BIGINT NOT NULL, 
	ctime_ns BIGINT NOT NULL, 
	inode BIGINT NOT NULL, 
	sha256 VARCHAR, 
	version INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	generation INTEGER NOT NULL, 
	notes VARCHAR, 
	facts VARCHAR, 
	PRIMARY KEY (workspace, path), 
	CONSTRAINT ck_state CHECK (state IN ('ok', 'waiting', 'quarantined'))
)
 WITHOUT ROWID""",
    """CREATE TABLE integrations (
	id VARCHAR NOT NULL, 
	type VARCHAR, 
	platform VARCHAR, 
	name VARCHAR, 
	brand VARCHAR, 
	is_active BOOLEAN, 
	has_credentials BOOLEAN NOT NULL, 
	config VARCHAR, 
	managed_by VARCHAR, 
	last_connected_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE leads (
	id VARCHAR NOT NULL, 
	source VARCHAR, 
	contact_name VARCHAR, 
	contact_email VARCHAR, 
	company VARCHAR, 
	status VARCHAR, 
	score FLOAT, 
	assigned_to VARCHAR, 
	notes VARCHAR, 
	created_at DATETIME, 
	updated_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE lessons_learned (
	id VARCHAR NOT NULL, 
	category VARCHAR, 
	title VARCHAR, 
	description VARCHAR, 
	source VARCHAR, 
	times_encountered INTEGER, 
	is_automated BOOLEAN, 
	automated_via VARCHAR, 
	created_at DATETIME, 
	last_encountered_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE llm_usage (
	id VARCHAR NOT NULL, 
	task_id VARCHAR, 
	model VARCHAR, 
	input_tokens INTEGER, 
	output_tokens INTEGER, 
	cost_usd FLOAT, 
	duration_ms FLOAT, 
	used_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE metrics (
	id VARCHAR NOT NULL, 
	entity_type VARCHAR NOT NULL, 
	entity_id VARCHAR NOT NULL, 
	metric_name VARCHAR NOT NULL, 
	metric_value FLOAT NOT NULL, 
	context VARCHAR, 
	recorded_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE patterns (
	id VARCHAR NOT NULL, 
	pattern_type VARCHAR, 
	description VARCHAR, 
	detection_count INTEGER, 
	confidence_score FLOAT, 
	status VARCHAR, 
	action_taken VARCHAR, 
	first_detected_at DATETIME, 
	last_detected_at DATETIME, 
	actioned_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE quarantine (
	workspace VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	sha256 VARCHAR, 
	reason VARCHAR NOT NULL, 
	line INTEGER, 
	"column" INTEGER, 
	excerpt VARCHAR, 
	first_seen DATETIME NOT NULL, 
	PRIMARY KEY (workspace, path)
)
 WITHOUT ROWID""",
    """CREATE TABLE racy_files (
	workspace VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	PRIMARY KEY (workspace, path)
)
 WITHOUT ROWID""",
    """CREATE TABLE repositories (
	id VARCHAR NOT NULL, 
	name VARCHAR, 
	path VARCHAR, 
	github_url VARCHAR, 
	team_id VARCHAR, 
	is_active BOOLEAN, 
	last_synced_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE rewards (
	id VARCHAR NOT NULL, 
	entity_type VARCHAR, 
	entity_id VARCHAR, 
	reward_value FLOAT, 
	reason VARCHAR, 
	issued_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE runs (
	kind VARCHAR NOT NULL, 
	started_at DATETIME NOT NULL, 
	ended_at DATETIME, 
	result VARCHAR NOT NULL, 
	PRIMARY KEY (kind)
)""",
    """CREATE TABLE snapshots (
	table_name VARCHAR NOT NULL, 
	row_id VARCHAR NOT NULL, 
	epoch INTEGER NOT NULL, 
	state VARCHAR, 
	PRIMARY KEY (table_name, row_id, epoch)
)
 WITHOUT ROWID""",
    """CREATE TABLE teams (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	domain VARCHAR, 
	description VARCHAR, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE user_commands (
	id VARCHAR NOT NULL, 
	command_text VARCHAR, 
	normalized_intent VARCHAR, 
	team VARCHAR, 
	model VARCHAR, 
	priority_file VARCHAR, 
	branch_name VARCHAR, 
	executed_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE workspaces (
	name VARCHAR NOT NULL, 
	root VARCHAR NOT NULL, 
	device BIGINT NOT NULL, 
	inode BIGINT NOT NULL, 
	bound_at DATETIME NOT NULL, 
	PRIMARY KEY (name)
)""",
    """CREATE TABLE agents (
	id VARCHAR NOT NULL, 
	team_id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	role VARCHAR, 
	emoji VARCHAR, 
	llm_preference VARCHAR, 
	is_active BOOLEAN NOT NULL, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(team_id) REFERENCES teams (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE sessions (
	id VARCHAR NOT NULL, 
	workspace VARCHAR NOT NULL, 
	team_id VARCHAR NOT NULL, 
	parent_id VARCHAR, 
	status VARCHAR NOT NULL, 
	status_raw VARCHAR, 
	phase VARCHAR, 
	target_repo VARCHAR, 
	priority_file VARCHAR, 
	prd_file VARCHAR, 
	branch_name VARCHAR, 
	base_branch VARCHAR, 
	pr_url VARCHAR, 
	iteration_count INTEGER, 
	exit_code INTEGER, 
	error_message VARCHAR, 
	purpose VARCHAR, 
	tags VARCHAR, 
	started_at DATETIME, 
	completed_at DATETIME, 
	updated_at DATETIME, 
	duration_seconds FLOAT, 
	archived_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_status CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'blocked')), 
	FOREIGN KEY(team_id) REFERENCES teams (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE blockers (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	task_id VARCHAR, 
	position INTEGER NOT NULL, 
	type VARCHAR, 
	message VARCHAR, 
	requires_human BOOLEAN, 
	requires_agent VARCHAR, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE concerns (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	task_id VARCHAR, 
	position INTEGER NOT NULL, 
	severity VARCHAR, 
	message VARCHAR, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE deliverables (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	task_id VARCHAR, 
	position INTEGER NOT NULL, 
	type VARCHAR, 
	title VARCHAR, 
	file VARCHAR, 
	details VARCHAR, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE messages (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	task_id VARCHAR, 
	position INTEGER NOT NULL, 
	recipient VARCHAR, 
	content VARCHAR, 
	content_length INTEGER, 
	sent_at DATETIME, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE next_steps (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	task_id VARCHAR, 
	position INTEGER NOT NULL, 
	agent VARCHAR, 
	action VARCHAR, 
	priority VARCHAR, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE task_items (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	task_id VARCHAR, 
	item_id VARCHAR, 
	position INTEGER NOT NULL, 
	description VARCHAR, 
	status VARCHAR NOT NULL, 
	duration_seconds FLOAT, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_status CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'blocked')), 
	FOREIGN KEY(session_id) REFERENCES sessions (id)
)
 WITHOUT ROWID""",
    """CREATE TABLE tasks (
	id VARCHAR NOT NULL, 
	session_id VARCHAR NOT NULL, 
	agent_id VARCHAR NOT NULL, 
	description VARCHAR NOT NULL, 
	status VARCHAR NOT NULL, 
	status_raw VARCHAR, 
	priority VARCHAR NOT NULL, 
	llm_used VARCHAR, 
	llm_family VARCHAR, 
	started_at DATETIME, 
	completed_at DATETIME, 
	updated_at DATETIME, 
	duration_seconds FLOAT, 
	error_message VARCHAR, 
	retry_count INTEGER, 
	source_path VARCHAR, 
	synced_rev INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT ck_status CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'blocked')), 
	CONSTRAINT ck_priority CHECK (priority IN ('low', 'medium', 'high')), 
	FOREIGN KEY(session_id) REFERENCES sessions (id), 
	FOREIGN KEY(agent_id) REFERENCES agents (id)
)
 WITHOUT ROWID""",
    """CREATE INDEX ix_changes_bundle ON changes (bundle, seq)""",
    """CREATE INDEX ix_changes_first ON changes (seq, bundle) WHERE op = 'r'""",
    """CREATE INDEX ix_changes_left ON changes (table_name, seq) WHERE op = 'd'""",
    """CREATE INDEX ix_changes_row ON changes (table_name, row_id, seq)""",
    """CREATE INDEX ix_rewards_entity ON rewards (entity_id)""",
    """CREATE INDEX ix_sessions_started_at ON sessions (started_at)""",
    """CREATE INDEX ix_sessions_status ON sessions (status)""",
    """CREATE INDEX ix_blockers_session ON blockers (session_id)""",
    """CREATE INDEX ix_concerns_session ON concerns (session_id)""",
    """CREATE INDEX ix_deliverables_session ON deliverables (session_id)""",
    """CREATE INDEX ix_messages_session ON messages (session_id)""",
    """CREATE INDEX ix_next_steps_session ON next_steps (session_id)""",
    """CREATE INDEX ix_task_items_session ON task_items (session_id)""",
    """CREATE INDEX ix_tasks_session ON tasks (session_id)""",
    """CREATE INDEX ix_tasks_status_agent ON tasks (status, agent_id)""",
    """CREATE INDEX ix_tasks_status_started ON tasks (status, started_at)""",
)
