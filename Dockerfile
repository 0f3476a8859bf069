FROM python:3.11-slim

# The index lies in /data, readable and writable for this user alone.
RUN useradd --create-home --uid 10001 sourcier && install -d -o sourcier -g sourcier -m 700 /data
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY index index
COPY qa qa
COPY ui ui
COPY seeds seeds
RUN pip install --no-cache-dir --constraint constraints.txt '.[formats,mcp,metrics,milvus]'

USER sourcier
ENV SOURCIER_INDEX=/data/index SOURCIER_CACHE=/data/cache GRADIO_TEMP_DIR=/tmp/gradio PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/healthz', timeout=8)"]
ENTRYPOINT ["sourcier"]
CMD ["chat", "--host", "0.0.0.0"]
