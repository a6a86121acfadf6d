# One image for the whole house. What it runs is the command: `python -m services.booking` (or biometric_match,
# detainer, audit), or `interop`. Nothing in it is secret, and nothing in it is written to after the build.

FROM python:3.13-slim AS build
COPY requirements/uv.txt requirements/runtime.txt /requirements/
RUN python -m venv /tools \
    && /tools/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes -r /requirements/uv.txt
RUN python -m venv --without-pip /packages \
    && VIRTUAL_ENV=/packages /tools/bin/uv pip sync --quiet --no-cache --compile-bytecode --require-hashes \
        /requirements/runtime.txt

WORKDIR /app
COPY contracts contracts
COPY policies policies
COPY scenarios scenarios
COPY services services
COPY sandbox sandbox
COPY console console
# The command is a file of two lines, because the policies and scenarios stay beside the code and nothing is built. The
# run that bookings by hand belong to is settled here. Files from a checkout may be private to whoever made it.
RUN printf '#!/packages/bin/python\nimport sys\nsys.path.insert(0, "/app")\nfrom sandbox.cli import main\nmain()\n' \
        > /packages/bin/interop \
    && chmod 755 /packages/bin/interop \
    && /packages/bin/python -m compileall -q services sandbox console \
    && /packages/bin/interop scenario settings live --seed 2010 > live-run.json \
    && chmod -R a+rX,go-w /app

FROM python:3.13-slim
RUN groupadd --gid 10001 interop \
    && useradd --uid 10001 --gid interop --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin interop \
    && install -d -o interop -g interop -m 700 /var/lib/interop
COPY --from=build /packages /packages
COPY --from=build /app /app
ENV PATH=/packages/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    INTEROP_HOST=0.0.0.0 \
    INTEROP_PORT=8000 \
    INTEROP_STATE_DIR=/var/lib/interop \
    INTEROP_LIVE_RUN=/app/live-run.json
WORKDIR /app
USER 10001:10001
EXPOSE 8000
CMD ["interop", "--help"]
