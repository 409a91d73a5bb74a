import django.db.models.functions.datetime
from django.db import migrations, models

# The only change that is let through is the first seal of an event.
APPEND_ONLY = """
CREATE FUNCTION clients_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD.sequence IS NULL AND OLD.seal IS NULL AND NEW.sequence IS NOT NULL
            AND NEW.seal IS NOT NULL
            AND to_jsonb(NEW) - 'sequence' - 'seal' = to_jsonb(OLD) - 'sequence' - 'seal' THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'audit events are append only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON clients_auditevent
    FOR EACH ROW EXECUTE FUNCTION clients_audit_append_only();
CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON clients_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION clients_audit_append_only();
"""
NOT_APPEND_ONLY = """
DROP TRIGGER audit_append_only ON clients_auditevent;
DROP TRIGGER audit_not_emptied ON clients_auditevent;
DROP FUNCTION clients_audit_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("clients", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("actor", models.CharField(max_length=60)),
                ("action", models.CharField(max_length=40)),
                ("client_id", models.BigIntegerField(null=True)),
                ("subject", models.CharField(blank=True, max_length=64)),
                ("sequence", models.BigIntegerField(null=True, unique=True)),
                ("seal", models.CharField(max_length=64, null=True)),
            ],
            options={
                "indexes": [
                    models.Index("id", condition=models.Q(("sequence", None)), name="audit_unsealed"),
                    models.Index(fields=["subject", "id"], name="audit_of_a_subject"),
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY, NOT_APPEND_ONLY),
    ]
