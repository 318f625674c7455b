# One image a role: docker build --target api|worker|migrate .
FROM python:3.11-slim-trixie AS base

FROM base AS build
RUN pip install --no-cache-dir uv==0.13.8
ENV UV_COMPILE_BYTECODE=1 \
    UV_PROJECT_ENVIRONMENT=/opt/hedgerow \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /src
# What the lock decides comes first: this layer outlives a change of our code.
COPY pyproject.toml uv.lock ./
# Frozen, because the members are not here yet; the second sync holds the lock against them.
RUN uv sync --frozen --no-dev --no-editable --no-install-workspace --all-packages --extra grpc --extra telemetry
COPY core core
COPY contexts contexts
COPY host host
RUN uv sync --locked --no-dev --no-editable --all-packages --extra grpc --extra telemetry

FROM base AS runtime
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin hedgerow
COPY --from=build /opt/hedgerow /opt/hedgerow
ENV HEDGEROW_ENV=prod \
    PATH=/opt/hedgerow/bin:$PATH
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
STOPSIGNAL SIGTERM

FROM runtime AS migrate
CMD ["hedgerow", "migrate"]

FROM runtime AS worker
CMD ["hedgerow", "worker"]

FROM runtime AS api
ENV HEDGEROW_HOST=0.0.0.0 \
    HEDGEROW_PORT=8000
EXPOSE 8000
# Liveness only; whether it should get requests is what /readyz says. No proxy may answer in its place.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-c", \
    "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:' + os.environ['HEDGEROW_PORT'] + '/livez', timeout=2)"]
CMD ["hedgerow", "api"]
