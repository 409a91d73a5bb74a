from django.db import migrations

# What the older version reads, made of what both store.
_AGAIN = """
UPDATE triage_triagepayload SET rules = (fallback #> '{explanation,rules}') || jsonb_build_object(
    'care_level', fallback->'care_level', 'needs_review', fallback->'needs_review',
    'version', fallback->'rules_version', 'missing', fallback #> '{explanation,missing}')
WHERE rules IS NULL"""


class Migration(migrations.Migration):
    """The rules' answer is stored once, as the fallback that is made of it (decision 35).

    The column stays for a release, for an older web process that still fills it in; workers and
    keeper of the older version read it, and are stopped before.
    """

    dependencies = [("triage", "0012_claims_are_heap_only")]

    operations = [
        migrations.RunSQL("SET LOCAL lock_timeout = '500ms'", migrations.RunSQL.noop),
        migrations.RunSQL(
            "ALTER TABLE triage_triagepayload ALTER COLUMN rules DROP NOT NULL",
            "ALTER TABLE triage_triagepayload ALTER COLUMN rules SET NOT NULL",
            state_operations=[migrations.RemoveField("triagepayload", "rules")],
        ),
        # The first things on the way back.
        migrations.RunSQL(
            migrations.RunSQL.noop, f"SET LOCAL lock_timeout = '500ms'; {_AGAIN}"
        ),
    ]
