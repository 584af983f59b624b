package so.suna.queuemetrics.local;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import redis.clients.jedis.Jedis;
import redis.clients.jedis.args.SaveMode;

/** The local run's own Redis, which keeps its data when it is stopped and started again. */
final class OwnRedis implements AutoCloseable {

  private final int port = RedisServer.freePort();
  private final Path directory;
  private RedisServer server;

  OwnRedis() {
    try {
      directory = Files.createTempDirectory("redis-data");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server = started();
  }

  private RedisServer started() {
    return RedisServer.start(RedisServer.Version.V7, port, "--dir", directory.toString());
  }

  int port() {
    return port;
  }

  synchronized Jedis client() {
    return server.client();
  }

  synchronized boolean isRunning() {
    return server.isRunning();
  }

  synchronized void stop() {
    if (server.isRunning()) {
      try (Jedis client = server.client()) {
        client.shutdown(SaveMode.SAVE);
      }
      server.close();
    }
  }

  synchronized void start() {
    if (!server.isRunning()) {
      server = started();
    }
  }

  @Override
  public synchronized void close() {
    server.close();
    try {
      Files.deleteIfExists(directory.resolve("dump.rdb"));
      Files.deleteIfExists(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
