"""The views, as data: name and query. Archived sessions are left out where the word is about now."""

VIEWS: dict[str, str] = {
    "v_kanban": """
        SELECT t.id, t.session_id, t.agent_id, a.name AS agent_name, a.emoji AS agent_emoji,
               a.team_id, team.name AS team_name, t.description, t.status, t.status_raw, t.priority,
               t.llm_used, t.llm_family, t.started_at, t.completed_at, t.updated_at, t.duration_seconds,
               t.error_message, t.retry_count, s.workspace, s.status AS session_status, s.branch_name, s.pr_url,
               t.source_path, t.synced_rev
        FROM tasks t
        JOIN sessions s ON s.id = t.session_id
        JOIN agents a ON a.id = t.agent_id
        JOIN teams team ON team.id = a.team_id
        WHERE s.archived_at IS NULL""",
    "v_active_sessions": """
        SELECT s.*, team.name AS team_name
        FROM sessions s JOIN teams team ON team.id = s.team_id
        WHERE s.archived_at IS NULL AND s.status IN ('pending', 'in_progress')""",
    "v_session_progress": """
        SELECT s.id, s.workspace, s.status, s.branch_name, COUNT(t.id) AS tasks,
               COUNT(*) FILTER (WHERE t.status = 'pending') AS pending,
               COUNT(*) FILTER (WHERE t.status = 'in_progress') AS in_progress,
               COUNT(*) FILTER (WHERE t.status = 'completed') AS completed,
               COUNT(*) FILTER (WHERE t.status = 'failed') AS failed,
               COUNT(*) FILTER (WHERE t.status = 'blocked') AS blocked,
               CASE WHEN COUNT(t.id) = 0 THEN 0.0
                    ELSE ROUND(100.0 * COUNT(*) FILTER (WHERE t.status = 'completed') / COUNT(t.id), 1) END AS percent,
               CAST((julianday(COALESCE(s.completed_at, 'now')) - julianday(s.started_at)) * 86400 AS INTEGER)
                   AS age_seconds
        FROM sessions s LEFT JOIN tasks t ON t.session_id = s.id
        WHERE s.archived_at IS NULL
        GROUP BY s.id""",
    "v_stale_sessions": """
        SELECT s.id, s.workspace, s.status, s.branch_name, MAX(f.mtime_ns) AS last_write_ns,
               CAST(strftime('%s', 'now') - MAX(f.mtime_ns) / 1000000000 AS INTEGER) AS silent_seconds
        FROM sessions s
        JOIN files f ON f.workspace = s.workspace
            AND f.path >= CASE WHEN s.workspace = 'default' THEN s.id ELSE substr(s.id, length(s.workspace) + 2) END
                || '/'
            AND f.path < CASE WHEN s.workspace = 'default' THEN s.id ELSE substr(s.id, length(s.workspace) + 2) END
                || '0'
        WHERE s.archived_at IS NULL AND s.status = 'in_progress'
        GROUP BY s.id
        HAVING MAX(f.mtime_ns) / 1000000000 < strftime('%s', 'now') - 3600""",
    "v_agent_performance": """
        SELECT a.id AS agent_id, a.name, a.emoji, a.team_id, COUNT(t.id) AS tasks,
               COUNT(*) FILTER (WHERE t.status = 'completed') AS completed,
               COUNT(*) FILTER (WHERE t.status = 'failed') AS failed,
               COUNT(*) FILTER (WHERE t.status = 'blocked') AS blocked,
               COUNT(*) FILTER (WHERE t.status IN ('pending', 'in_progress')) AS open,
               ROUND(100.0 * COUNT(*) FILTER (WHERE t.status = 'completed')
                   / NULLIF(COUNT(*) FILTER (WHERE t.status IN ('completed', 'failed', 'blocked')), 0), 1)
                   AS success_rate,
               SUM(t.duration_seconds) / COUNT(t.duration_seconds) AS mean_duration_seconds,
               MAX(t.duration_seconds) AS max_duration_seconds
        FROM agents a LEFT JOIN tasks t ON t.agent_id = a.id
        GROUP BY a.id""",
    "v_daily_metrics": """
        SELECT date(recorded_at) AS day, metric_name, COUNT(*) AS points, SUM(metric_value) AS total,
               AVG(metric_value) AS mean, MIN(metric_value) AS lowest, MAX(metric_value) AS highest
        FROM metrics WHERE recorded_at IS NOT NULL
        GROUP BY day, metric_name""",
    "v_metrics_latest": """
        SELECT m.id, m.entity_type, m.entity_id, m.metric_name, m.metric_value, m.context, m.recorded_at, m.source_path
        FROM metrics m
        WHERE m.id = (SELECT n.id FROM metrics n
                      WHERE n.entity_id = m.entity_id AND n.metric_name = m.metric_name
                        AND n.id >= m.entity_id || '/' AND n.id < m.entity_id || '0'
                      ORDER BY n.recorded_at IS NULL, n.recorded_at DESC LIMIT 1)""",
    "v_llm_cost": """
        SELECT date(u.used_at) AS day, u.model, t.agent_id, COUNT(*) AS calls, SUM(u.input_tokens) AS input_tokens,
               SUM(u.output_tokens) AS output_tokens, SUM(u.cost_usd) AS cost_usd
        FROM llm_usage u LEFT JOIN tasks t ON t.id = u.task_id
        GROUP BY day, u.model, t.agent_id""",
    # XP is a whole number unless rewards are fractions. One subquery a sum: a join would multiply one by the other.
    "v_leaderboard": """
        SELECT agent_id, name, emoji, team_id, completed,
               CASE WHEN xp = CAST(xp AS INTEGER) THEN CAST(xp AS INTEGER) ELSE xp END AS xp,
               CASE WHEN xp > 0 THEN 1 + CAST(xp AS INTEGER) / 100 ELSE 1 END AS level
        FROM (SELECT done.*, 10 * done.completed + COALESCE(
                  (SELECT SUM(r.reward_value) FROM rewards r
                   WHERE r.entity_id IN (done.agent_id, CASE WHEN done.agent_id LIKE 'agent-%'
                                                             THEN substr(done.agent_id, 7) END)
                     AND (r.entity_type IS NULL OR lower(r.entity_type) = 'agent')), 0) AS xp
              FROM (SELECT a.id AS agent_id, a.name, a.emoji, a.team_id,
                           (SELECT COUNT(*) FROM tasks t
                            WHERE t.status = 'completed' AND t.agent_id = a.id) AS completed
                    FROM agents a) done) earned""",
    "v_health": """
        SELECT (SELECT COUNT(*) FROM sessions WHERE archived_at IS NULL) AS sessions,
               (SELECT COUNT(*) FROM sessions WHERE archived_at IS NOT NULL) AS archived_sessions,
               (SELECT COUNT(*) FROM tasks) AS tasks,
               (SELECT COUNT(*) FROM files) AS files,
               (SELECT COUNT(*) FROM files WHERE state = 'waiting') AS waiting,
               (SELECT COUNT(*) FROM quarantine) AS quarantined,
               (SELECT MAX(seq) FROM changes) AS last_change,
               (SELECT ended_at FROM runs WHERE kind = 'reconcile') AS reconciled_at,
               (SELECT ended_at FROM runs WHERE kind = 'verify') AS verified_at,
               (SELECT MAX(beat_at) FROM daemons) AS daemon_beat_at""",
}
