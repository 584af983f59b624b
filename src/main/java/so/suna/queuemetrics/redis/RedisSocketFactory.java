package so.suna.queuemetrics.redis;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.function.Supplier;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import redis.clients.jedis.JedisSocketFactory;
import redis.clients.jedis.util.IOUtils;

/**
 * Opens sockets to one Redis. Jedis's own factory makes a TLS context for each connection, so it
 * reads the trust store each time and resumes no session; this one uses one context for all.
 *
 * @param tls asked only if the endpoint uses TLS, since it reads the trust store
 */
record RedisSocketFactory(RedisEndpoint endpoint, Supplier<SSLSocketFactory> tls)
    implements JedisSocketFactory {

  /**
   * @throws RedisException if the host has no address, accepts no connection or fails at TLS
   */
  @Override
  public Socket createSocket() {
    var address = new InetSocketAddress(endpoint.host(), endpoint.port());
    if (address.isUnresolved()) {
      throw new RedisException(endpoint + " has an unknown host name");
    }
    var socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout((int) ReadOnlyRedis.READ_TIMEOUT.toMillis());
      socket.connect(address, (int) ReadOnlyRedis.CONNECT_TIMEOUT.toMillis());
    } catch (SocketTimeoutException e) {
      throw failed(
          socket,
          "accepted no connection within %d s".formatted(ReadOnlyRedis.CONNECT_TIMEOUT.toSeconds()),
          e);
    } catch (IOException e) {
      throw failed(socket, "could not be reached: " + e.getMessage(), e);
    }
    return endpoint.tls() ? secured(socket) : socket;
  }

  private Socket secured(Socket socket) {
    try {
      var secured =
          (SSLSocket) tls.get().createSocket(socket, endpoint.host(), endpoint.port(), true);
      // Otherwise any certificate of a trusted issuer is accepted, whatever its host name.
      SSLParameters parameters = secured.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      secured.setSSLParameters(parameters);
      secured.startHandshake();
      return secured;
    } catch (IOException e) {
      throw failed(socket, "failed at TLS (REDIS_TLS=true): " + e.getMessage(), e);
    }
  }

  private RedisException failed(Socket socket, String how, IOException e) {
    IOUtils.closeQuietly(socket);
    return new RedisException("%s %s".formatted(endpoint, how), e);
  }
}
