package so.suna.queuemetrics.redis;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;
import redis.clients.jedis.JedisSocketFactory;
import redis.clients.jedis.exceptions.JedisConnectionException;

/**
 * Opens sockets to one Redis. Jedis's own factory makes a new TLS context for each connection, so
 * it reads the trust store again and can resume no session; this one is given one for all.
 *
 * @param tls asked only where the endpoint wants TLS, since it reads the trust store
 */
record RedisSocketFactory(RedisEndpoint endpoint, Supplier<SSLSocketFactory> tls)
    implements JedisSocketFactory {

  @Override
  public Socket createSocket() {
    var socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout((int) ReadOnlyRedis.READ_TIMEOUT.toMillis());
      socket.connect(
          new InetSocketAddress(endpoint.host(), endpoint.port()),
          (int) ReadOnlyRedis.CONNECT_TIMEOUT.toMillis());
      return endpoint.tls() ? secured(socket) : socket;
    } catch (IOException e) {
      closeQuietly(socket, e);
      throw new JedisConnectionException(e);
    }
  }

  private Socket secured(Socket socket) throws IOException {
    var secured =
        (SSLSocket) tls.get().createSocket(socket, endpoint.host(), endpoint.port(), true);
    // Without it any certificate of a trusted issuer would do, whatever host it was made for.
    SSLParameters parameters = secured.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    secured.setSSLParameters(parameters);
    try {
      secured.startHandshake();
    } catch (SocketException | SocketTimeoutException e) {
      // Where a server without TLS hangs up or waits for more, TLS must be named as the suspect.
      throw new SSLException(e.getMessage(), e);
    }
    return secured;
  }

  private static void closeQuietly(Socket socket, IOException reason) {
    try {
      socket.close();
    } catch (IOException e) {
      reason.addSuppressed(e);
    }
  }
}
