# nightsort in one image, for two services: the daemon (as it is) and the page (`nightsort web`).
# docs/container.md says how to use it, compose.yaml does.

# Another place to have it from: --build-arg BASE=...
ARG BASE=debian:bookworm-slim

FROM $BASE AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-pip python3-venv
WORKDIR /src
COPY requirements.txt requirements-mirror.txt requirements-archive.txt requirements-dev.txt ./
# Where packages come from somewhere else: --secret id=pip.conf,src=/etc/pip.conf
RUN --mount=type=secret,id=pip.conf \
    export PIP_CONFIG_FILE=/run/secrets/pip.conf PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 \
 && python3 -m venv --without-pip /opt/nightsort \
 && python3 -m pip --python /opt/nightsort/bin/python install --quiet --no-compile --only-binary :all: \
      --requirement requirements.txt --requirement requirements-mirror.txt
COPY . .
RUN --mount=type=secret,id=pip.conf \
    export PIP_CONFIG_FILE=/run/secrets/pip.conf PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 \
 && cat requirements*.txt | grep == > pins.txt \
 && PIP_CONSTRAINT=/src/pins.txt python3 -m pip --python /opt/nightsort/bin/python \
      install --quiet --no-compile --no-deps .
# Away with what only phones, graphics processors, compilers and tests of others load (60 MB).
RUN cd /opt/nightsort/lib/python3*/site-packages \
 && rm -r ai_edge_litert/libLiteRtWebGpuAccelerator.so ai_edge_litert/tools ai_edge_litert/vendors \
      numpy/distutils numpy/f2py numpy/_core/include \
 && find numpy -depth -type d -name tests -exec rm -r {} + \
 && find . -name '*.py[ix]' -delete
# A trial of what is left; what it loads is compiled by that, so that both services start quickly
# though their root file system is read-only.
RUN cd /opt/nightsort/bin \
 && ./nightsort demo >/dev/null \
 && ./python -c 'import web.serving, daemon.mirror.postgres' \
 && ./python -m compileall -q ../lib/python3*/site-packages/config ../lib/python3*/site-packages/classifier \
      ../lib/python3*/site-packages/daemon ../lib/python3*/site-packages/web

FROM $BASE
# The ids of those who own state and photos; compose.yaml and kubernetes.yaml name them, too.
ARG USER_ID=10001
ARG PAGE_USER_ID=10002
ARG GROUP_ID=10001
# tini hands signals on, and fetches what helper processes leave behind.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 tini \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
 && groupadd --gid "$GROUP_ID" nightsort \
 && useradd --uid "$USER_ID" --gid nightsort --no-log-init --no-create-home --home-dir /tmp nightsort \
 && useradd --uid "$PAGE_USER_ID" --gid nightsort --no-log-init --no-create-home --home-dir /tmp nightsort-web \
 && install -d -m 2770 -o nightsort -g nightsort \
      /srv/nightsort /srv/nightsort/incoming /srv/nightsort/sorted /srv/nightsort/results \
 && install -d -m 0750 -o nightsort -g nightsort /var/lib/nightsort \
 && install -d -m 2750 -o nightsort-web -g nightsort /var/lib/nightsort/web
COPY --from=build /opt/nightsort /opt/nightsort
COPY --chmod=0644 config/nightsort.example.toml /etc/nightsort/nightsort.toml
COPY --chmod=0755 container/start container/alive /usr/local/bin/
ENV PATH=/opt/nightsort/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    CREDENTIALS_DIRECTORY=/run/secrets
USER nightsort
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["alive"]
ENTRYPOINT ["tini", "--", "start"]
CMD ["nightsort", "run"]
